# Several nodes, with Citus: a coordinator and two workers on loopback. Citus comes with no package of Debian's; where its files are not
# installed beside this PostgreSQL the suite is skipped, and says so. What the engine does with groups of shards is tested everywhere
# (test/pgtap/shard_groups.sql).
if [ ! -e "$("$PG_CONFIG" --sharedir)/extension/citus.control" ]; then
	printf '  SKIP   %s\n' "Citus is not installed for $("$PG_CONFIG" --version)"
	count 0 0 "$(find "$ROOT/test/citus" -maxdepth 1 -name '*.sh' | wc -l)"
	return
fi
export PG_CONFIG
shell_files "$ROOT"/test/citus/*.sh
