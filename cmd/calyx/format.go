package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
)

// format is how a command writes its answer.
type format struct {
	words []string
	name  string
	json  bool
}

// formatFlags gives a command --format with these words, the first being the default, and --json, which equals
// --format json.
func formatFlags(c *cobra.Command, words ...string) *format {
	f := &format{words: append(slices.Clone(words), "json")}
	c.Flags().StringVar(&f.name, "format", words[0], "answer as "+enumerate(f.words))
	c.Flags().BoolVar(&f.json, "json", false, "the same as --format json")
	completeFlag(c, "format", f.words)
	run := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := f.resolve(c); err != nil {
			return err
		}
		return run(c, args)
	}
	return f
}

func enumerate(words []string) string {
	text := words[0]
	for i, w := range words[1:] {
		if i == len(words)-2 {
			text += " or " + w
		} else {
			text += ", " + w
		}
	}
	return text
}

func (f *format) resolve(c *cobra.Command) error {
	if f.json {
		if c.Flags().Changed("format") && f.name != "json" {
			return usage("", "%s: --json and --format %s exclude one another", c.CommandPath(), f.name)
		}
		f.name = "json"
	}
	f.json = f.name == "json"
	return oneOfFlag(c, "format", f.name, f.words)
}

// printJSON writes v as indented JSON, valid whatever bytes its texts hold.
func (a *app) printJSON(v any) error {
	text, err := encodeJSON(v, "  ")
	if err != nil {
		return err
	}
	return a.print(string(text))
}

// encodeJSON writes v on lines of its own; texts that are no UTF-8 become it.
func encodeJSON(v any, indent string) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("write the answer as JSON: %w", err)
	}
	return b.Bytes(), nil
}
