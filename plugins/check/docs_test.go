package check_test

import (
	"os"
	"strings"
	"testing"

	"github.com/calyx-build/calyx/plugins/check"
)

// TestPage sees to it that the protocol's page lists the cases that there are, as they are.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/plugin-protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "### The cases")
	for _, c := range check.Cases() {
		row := "| " + c.Name + " | " + uses(c) + "| " + strings.ReplaceAll(c.Expected, "|", `\|`) + " |\n"
		_, rest, found := strings.Cut(table, row)
		if !found {
			t.Fatalf("the page lacks this row, or has it elsewhere:\n%s", row)
		}
		table = rest
	}
}

func uses(c check.Case) string {
	var text strings.Builder
	for _, name := range c.Uses {
		text.WriteString("`" + strings.TrimPrefix(name, "calyx_check_") + "` ")
	}
	return text.String()
}
