// Package peer hosts real memberlist nodes behind one JSON command per line on
// standard input and one JSON answer or event per line on standard output.
//
// The package is compiled against whichever memberlist its main module
// selects, so the latest release and v0.2.2 share it; what only one of them
// can do comes in through [Tune].
//
// A process starts without nodes; "create" makes one, and every other command
// names the node it is for. The process ends when its input ends, so that a
// peer never outlives the test that started it.
package peer
