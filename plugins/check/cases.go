package check

import "slices"

// experiments are all cases in their order.
func experiments() []experiment {
	return slices.Concat(startCases(), describeCases(), sessionCases(), valueCases(), needCases(), queueCases(), failureCases(), cancelCases(), endCases())
}
