package examples

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestDigits trains a network with PyTorch: more epochs train only the new ones, and what an old setting gave is still there.
func TestDigits(t *testing.T) {
	needsPyTorch(t)
	w := setUp(t, "digits")

	first := w.build()
	if want := append(epochs(0, 10), "images", "report"); !sameNodes(first, want) {
		t.Errorf("the first build executed %q, want %q", first, want)
	}
	if accuracy := w.accuracy(10); accuracy < 0.9 {
		t.Errorf("after ten epochs, %.1f %% of the test are recognised", 100*accuracy)
	}
	report := w.run("get", "report")

	w.run("set", "epochs", "12")
	if got, want := w.build(), append(epochs(11, 12), "report"); !sameNodes(got, want) {
		t.Errorf("two more epochs executed %q, want %q", got, want)
	}
	w.run("set", "epochs=3", "lr=0.1")
	if got, want := w.build(), append(epochs(1, 3), "report"); !sameNodes(got, want) {
		t.Errorf("another rate executed %q, want %q: the weights at first do not depend on it", got, want)
	}
	w.run("unset", "lr", "epochs")
	if got := w.build(); len(got) != 0 {
		t.Errorf("back at the first settings, a build executed %q", got)
	}
	if got := w.run("build", "--force-all", "--json", "report"); !strings.Contains(got, `"node":"epoch(n=10)","outcome":"executed"`) {
		t.Errorf("a forced build did not train again:\n%s", got)
	}
	if again := w.run("get", "report"); again != report {
		t.Errorf("trained again, the network came out otherwise:\n%s\nat first:\n%s", again, report)
	}

	w.edit("digits.py", "nn.ReLU()", "nn.Tanh()")
	if got, want := w.build(), append(epochs(0, 10), "report"); !sameNodes(got, want) {
		t.Errorf("after an edit of the network, a build executed %q, want %q: all but the images", got, want)
	}

	before := w.accuracy(10)
	w.run("get", "epoch(n=10)", "-o", "weights.safetensors")
	w.run("set", "weights", "weights.safetensors")
	if after := w.accuracy(0); before != after {
		t.Errorf("a training that goes on from weights with an accuracy of %v begins with %v", before, after)
	}
}

// accuracy returns which part of the test is recognised after an epoch.
func (w workspace) accuracy(n int) (accuracy float64) {
	w.t.Helper()
	w.get(fmt.Sprintf("accuracy(n=%d)", n), &accuracy)
	return accuracy
}

// epochs returns the nodes of each epoch from one to another, the last one included.
func epochs(from, to int) []string {
	var nodes []string
	for n := from; n <= to; n++ {
		for _, name := range []string{"epoch", "forward", "loss", "accuracy"} {
			nodes = append(nodes, fmt.Sprintf("%s(n=%d)", name, n))
		}
	}
	return nodes
}

// sameNodes tells whether the nodes are the same, in whatever order.
func sameNodes(got, want []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want)))
}

// needsPyTorch skips the test where Debian's PyTorch is missing, which only root can install. CI has it.
func needsPyTorch(t *testing.T) {
	t.Helper()
	if err := exec.Command("/usr/bin/python3", "-c", "import ensurepip, sklearn, torch").Run(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("import what make deps installs: %v", err)
		}
		t.Skip("PyTorch and scikit-learn are not installed, and only root may: make deps")
	}
}
