// Package tidy tests the code itself: which package may import which, who may
// start a goroutine or take a lock or look at the clock, whether map order can
// be seen, whether everything exported is documented, whether the papers are
// true.
//
// It is for whoever changes Twistor. Each file is one rule: a table with a
// reason beside each row, the check, the test of the tree, and a positive
// control, a small piece of bad code that the check must find: a line that ends
// in "// want" is one that it must report, and it must report no other.
//
// A rule that is in the way of a particular piece of code has a table of
// exceptions. Add a row there, with the reason; a row that is no longer needed
// fails too.
//
// Limits: the checks read source, they do not follow calls. What a package
// does through another one's function is that other one's affair.
package tidy
