/**
 * How the program's JavaScript engine is told to keep house. V8 lets garbage pile up to four times of what is in use; a first pass over
 * a million rows then peaks at 380 MB instead of 210, for a few percent of its CPU time (measured). V8 takes both only on the command line:
 * setting them when the program runs changes nothing (tried).
 */
export const V8_FLAGS = "--v8-flags=--heap-growing-percent=100,--max-semi-space-size=8";
