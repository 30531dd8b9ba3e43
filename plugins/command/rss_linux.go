package command

// rssUnit is the unit in which the system counts the largest memory of a process: kibibytes.
const rssUnit = 1 << 10
