package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// group is a family of rows that can be chosen by name.
type group struct {
	name string
	rows func(ctx context.Context, l *lab) []row
}

func groups() []group {
	return []group{
		{"noop", noopRows},
		{"edit", editRows},
		{"full", fullRows},
		{"plugin", pluginRows},
		{"switch", switchRows},
		{"digest", digestRows},
		{"memory", memoryRows},
		{"startup", startupRows},
		{"python", pythonRows},
		{"tracing", tracingRows},
	}
}

func groupNames() []string {
	var names []string
	for _, g := range groups() {
		names = append(names, g.name)
	}
	return names
}

// groupsNamed reads a list of names separated by commas; the empty list means all.
func groupsNamed(list string) ([]group, error) {
	if list == "" {
		return groups(), nil
	}
	var chosen []group
	for _, name := range strings.Split(list, ",") {
		i := slices.Index(groupNames(), name)
		if i < 0 {
			return nil, fmt.Errorf("read -rows: unknown %q (there are %s)", name, strings.Join(groupNames(), ", "))
		}
		chosen = append(chosen, groups()[i])
	}
	return chosen, nil
}
