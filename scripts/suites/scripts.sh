# The commands themselves: how they are called, and what they leave behind.

export AGGREGATION_RUN=$ROOT/run
shell_files "$ROOT"/test/scripts/*.sh
