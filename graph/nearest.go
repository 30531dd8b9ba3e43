package graph

import "unicode/utf8"

// Nearest returns the candidate that word was most likely meant to be, or "" where none is near: at most a third of its
// letters differ (but one always may). Of equally near ones the first wins. The distance is the restricted
// Damerau-Levenshtein distance: letters inserted, left out, replaced, or two neighbours exchanged.
func Nearest(word string, candidates []string) string {
	letters := []rune(word)
	limit := max(1, len(letters)/3)
	best := ""
	for _, c := range candidates {
		if c == word {
			return c
		}
		if d := utf8.RuneCountInString(c) - len(letters); d > limit || -d > limit {
			continue
		}
		if d := distance(letters, []rune(c)); d <= limit {
			best, limit = c, d-1
		}
	}
	return best
}

// distance fills the classic table row by row; of earlier rows an exchange needs the last two.
func distance(a, b []rune) int {
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := above[j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			row[j] = min(replaced, above[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(b)]
}
