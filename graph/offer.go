package graph

// Offer is what a plugin declares of itself, for use() in a Calyxfile.
type Offer struct {
	Functions []Function
	Stored    []OfferedStored
	// Rests are the paths that it rests on: what the plugin was started from, and what it read or looked for in vain.
	Rests []string
}

// Function is a function as use() declares it.
type Function struct {
	Name, Doc  string
	Parameters []Parameter    // in the order in which people write them
	Options    []NamedLiteral // of the step, by the names that a Calyxfile knows
}

// Parameter is a parameter of a function. One without a Default must be given.
type Parameter struct {
	Name       string
	Default    Literal
	HasDefault bool
}

// OfferedStored is an input that a plugin declares. One of Path, Glob and Env is set, or none: then it is the value Default.
type OfferedStored struct {
	Name, Doc       string
	Path, Glob, Env string
	Default         Literal
	HasDefault      bool
}
