package main

import (
	"context"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/calyx-build/calyx/cmd/calyx/internal/release"
)

// versionInfo is the answer of `calyx version --json`.
type versionInfo struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
}

func newVersion(a *app) *cobra.Command {
	var f *format
	c := newCommand(&cobra.Command{
		Use:     "version",
		Short:   "Tell which calyx this is",
		Example: "calyx version\ncalyx version --json",
		Args:    wantArgs(0, 0),
		RunE: runner(func(context.Context, []string) error {
			v := thisVersion()
			if f.json {
				return a.printJSON(v)
			}
			return a.print(fmt.Sprintf("calyx %s (%s, %s/%s)\n", release.Text(), v.Go, v.OS, v.Arch))
		}).run,
	})
	f = formatFlags(c, "text")
	return c
}

func thisVersion() versionInfo {
	return versionInfo{Version: release.Number, Revision: release.Revision(), Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
}
