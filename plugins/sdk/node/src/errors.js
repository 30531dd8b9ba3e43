// The errors that the SDK throws.

/** The base of the SDK's errors. */
export class CalyxError extends Error {
  get name() {
    return this.constructor.name;
  }
}

/** A program declares something that calyx cannot serve. */
export class DeclarationError extends CalyxError {}

/** A node that was needed failed, does not exist, or needs the one that asked. */
export class NeedError extends CalyxError {}

/** A file, folder or element that was asked for is not there. */
export class AbsentError extends CalyxError {
  code = "ENOENT";
}

/** A node was called where no node is being computed. */
export class OutsideNodeError extends CalyxError {}

/** A value of a kind that calyx cannot keep. */
export class UnstorableError extends CalyxError {}

/** calyx ended the call. */
export class Cancelled extends CalyxError {}

/** Throw it where another attempt may help, after so many seconds. */
export class RetryAfter extends CalyxError {
  /**
   * @param {number} seconds
   * @param {string} [message]
   * @param {ErrorOptions} [options]
   */
  constructor(seconds, message = `try again in ${seconds} s`, options) {
    super(message, options);
    if (!(seconds >= 0 && seconds < 1e9)) throw new RangeError(`RetryAfter: ${seconds} is no number of seconds`);
    this.seconds = seconds;
  }
}
