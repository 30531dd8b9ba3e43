package command

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// wellKnown are variables that programs of this trade commonly need and that a step gets only if it names them. One that
// ends in an underscore stands for all that begin with it.
func wellKnown() []string {
	return []string{
		"ANTHROPIC_", "AWS_", "AZURE_", "CONDA_PREFIX", "CUDA_", "GEMINI_API_KEY", "GOOGLE_", "HF_", "HTTPS_PROXY", "HTTP_PROXY",
		"HUGGING_FACE_HUB_TOKEN", "JAVA_HOME", "LD_LIBRARY_PATH", "LD_PRELOAD", "MISTRAL_API_KEY", "MLFLOW_", "NCCL_", "NO_PROXY",
		"NVIDIA_", "OMP_NUM_THREADS", "OPENAI_", "PYTHONHOME", "PYTHONPATH", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE",
		"TORCH_HOME", "TRANSFORMERS_", "VIRTUAL_ENV", "WANDB_", "XDG_CACHE_HOME", "XLA_", "all_proxy", "http_proxy", "https_proxy", "no_proxy",
	}
}

// Withheld returns the names, sorted, of well-known variables of the user's environment that are not in env, the
// environment of a step. Both are lists of NAME=VALUE.
func Withheld(user, env []string) []string {
	known := wellKnown()
	var names []string
	for _, entry := range user {
		name, value, _ := strings.Cut(entry, "=")
		isKnown := slices.ContainsFunc(known, func(k string) bool {
			return name == k || strings.HasSuffix(k, "_") && strings.HasPrefix(name, k)
		})
		given := slices.ContainsFunc(env, func(e string) bool { return strings.HasPrefix(e, name+"=") })
		if isKnown && value != "" && !given {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// mostNamed is how many variables a hint names.
const mostNamed = 8

// withheldHint says which well-known variables a failed command did not get; empty where it got all.
func (r *Runner) withheldHint(env []string) string {
	user := r.User
	if user == nil {
		user = os.Environ()
	}
	names := Withheld(user, env)
	if len(names) == 0 {
		return ""
	}
	rest := ""
	if more := len(names) - mostNamed; more > 0 {
		names, rest = names[:mostNamed], fmt.Sprintf(" and %d more", more)
	}
	return fmt.Sprintf("a step gets the variables that it names and no others; set for you, and not given to it: %s%s (env = [%q] passes one, secrets = keeps one secret)",
		strings.Join(names, ", "), rest, names[0])
}
