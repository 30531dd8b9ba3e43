// Package watch sees what programs do with files: which they open, look for, list, execute and change. It uses seccomp user
// notification (seccomp_unotify(2)), which needs no privileges and sees every program: children, threads, static ones. It
// observes and forbids nothing: a call is noted before it happens, whatever becomes of it, so what is noted is what a program
// saw or more.
package watch
