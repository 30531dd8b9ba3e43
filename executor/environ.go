package executor

import "strings"

// environ is a user's environment.
type environ map[string]string

func newEnviron(list []string) environ {
	env := environ{}
	for _, entry := range list {
		if name, value, ok := strings.Cut(entry, "="); ok {
			env[name] = value
		}
	}
	return env
}

func (e environ) lookup(name string) (string, bool) {
	v, ok := e[name]
	return v, ok
}

// values are those of the variables that are set.
func (e environ) values(names []string) []string {
	var all []string
	for _, name := range names {
		if v := e[name]; v != "" {
			all = append(all, v)
		}
	}
	return all
}
