package check

// The conformance functions: docs/plugin-protocol.md says what each of them does.
const (
	fnEcho  = "calyx_check_echo"  // value → value
	fnAdd   = "calyx_check_add"   // a: int, b: int = 2 → a + b
	fnHalf  = "calyx_check_half"  // number: int → its half, a float
	fnNeed  = "calyx_check_need"  // values: list, at_once: int = 1 → the values of as many nodes calyx_check_echo(value = …)
	fnEnv   = "calyx_check_env"   // name → the variable, or null
	fnSleep = "calyx_check_sleep" // seconds: float → nothing
	fnFail  = "calyx_check_fail"  // message → a failure
	fnRetry = "calyx_check_retry" // seconds: float → a failure that another attempt may not meet
	fnTell  = "calyx_check_tell"  // text → nothing, after a log, a progress, a metric
	fnPrint = "calyx_check_print" // text → nothing, after it was printed
	fnBatch = "calyx_check_batch" // value, in batches → each element
)
