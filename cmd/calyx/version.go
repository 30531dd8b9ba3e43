package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// release is the version of this source tree.
const release = "0.1.0"

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
			return a.print(fmt.Sprintf("calyx %s (%s, %s/%s)\n", versionText(), v.Go, v.OS, v.Arch))
		}).run,
	})
	f = formatFlags(c, "text")
	return c
}

func thisVersion() versionInfo {
	return versionInfo{Version: release, Revision: revision(), Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
}

// versionText is the release and, where it is known, the revision that this executable was built from.
func versionText() string {
	if r := revision(); r != "" {
		return release + "+" + r
	}
	return release
}

// shownRevision is how many digits of a revision people are shown.
const shownRevision = 12

func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) > shownRevision {
			return s.Value[:shownRevision]
		}
	}
	return ""
}
