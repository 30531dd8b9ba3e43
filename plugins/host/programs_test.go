package host_test

import (
	calyx "github.com/calyx-build/calyx/plugins/sdk/go"
)

// programs are the plugins of the tests, good ones and bad ones.
var programs = map[string]func(){
	"echo": echo,
}

type textArgs struct {
	Text string `default:"nothing"`
}

func echo() {
	p := calyx.NewPlugin("echo", "1.0")
	calyx.Func(p, "echo", func(_ *calyx.Call, a textArgs) (string, error) { return a.Text, nil })
	p.Serve()
}
