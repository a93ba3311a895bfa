# Random input: bytes for the core's parsers (libFuzzer), arguments for the functions, queries for the server (sqlsmith). AGGREGATION_FUZZ_SECONDS
# for each of them.

need_fuzz
install_missing
export PG_CONFIG
shell_files "$ROOT"/test/fuzz/*.sh
