package calyxfile

import (
	"errors"
	"fmt"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/calyx-build/calyx/hashing"
)

// parseTOML reads a document. TOML gives the order of keys no meaning, so they are sorted.
func parseTOML(text []byte) (any, error) {
	var m map[string]any
	if err := toml.Unmarshal(text, &m); err != nil {
		var at *toml.DecodeError
		if errors.As(err, &at) {
			line, column := at.Position()
			return nil, fmt.Errorf("line %d, column %d: %w", line, column, err)
		}
		return nil, err
	}
	return tomlValue(m, 0)
}

func tomlValue(v any, depth int) (any, error) {
	if depth > maxNesting {
		return nil, errDeep
	}
	switch v := v.(type) {
	case map[string]any:
		m := hashing.Map{}
		for _, key := range keys(v) {
			x, err := tomlValue(v[key], depth+1)
			if err != nil {
				return nil, err
			}
			m = append(m, hashing.Pair{Key: key, Value: x})
		}
		return m, nil
	case []any:
		list := make([]any, len(v))
		var err error
		for i := range v {
			if list[i], err = tomlValue(v[i], depth+1); err != nil {
				return nil, err
			}
		}
		return list, nil
	case time.Time:
		return v.Format(time.RFC3339Nano), nil
	case fmt.Stringer: // dates and times without a zone
		return v.String(), nil
	}
	return v, nil
}
