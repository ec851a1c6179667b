/**
 * How the program's JavaScript engine is told to keep house. V8 lets garbage pile up to four times of what is in use; a first pass over
 * a million rows then peaks at 380 MB instead of 220, for a few percent of its CPU time (measured). Its helper threads
 * take CPU that a busy database beside it needs, a tenth of the whole on two cores (measured). V8 takes these only on the command line:
 * setting them when the program runs changes nothing (tried).
 */
export const V8_FLAGS = "--v8-flags=--heap-growing-percent=75,--max-semi-space-size=8,--single-threaded-gc";
