/*
 * On which sets of tables a call works:
 *
 *   where nothing is distributed      the plain tables
 *   about a symbol (p_symbol)         the group of shards that holds it, on this node or another (other_nodes.c)
 *   about all symbols                 each group on this node, one after the other, and, asked of the coordinator, those on the others; the
 *                                     answers are joined (answers.c)
 *   about what all groups share       this node's copy of it, and from there each group (AGG_NEXT_SET); likewise
 *   about neither                     the plain tables, which Citus distributes
 */
#include "shard_groups.h"
#include "shim.h"

#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"

/* What is done for all symbols where no symbol is given. */
static bool works_on_all(agg_function function) {
	switch (function) {
	case AGG_FN_agg_run:
	case AGG_FN_agg_run_batch:
	case AGG_FN_agg_verify:
	case AGG_FN_agg_verify_sample:
	case AGG_FN_agg_get_due_tasks:
	case AGG_FN_agg_mend:
	case AGG_FN_agg_mark_changed:
	case AGG_FN_agg_seal_range:
	case AGG_FN_agg_unseal_range:
	case AGG_FN_agg_retire_source:
	case AGG_FN_agg_reset_cursor:
	case AGG_FN_derived_purge_deleted:
	case AGG_FN_agg_purge_revisions:
	case AGG_FN_sync_agg_state_from_registry:
	case AGG_FN_agg_completeness:
	case AGG_FN_agg_bars:
	case AGG_FN_agg_latest:
	case AGG_FN_agg_aggregate_tasks:
	case AGG_FN_agg_rows_of_nodes:
		return true;
	default:
		return false;
	}
}

static agg_call_sets one_set(agg_table_set set) {
	agg_call_sets sets = {.list = palloc(sizeof(agg_table_set)), .count = 1};

	sets.list[0] = set;
	return sets;
}

agg_call_sets agg_sets_here(Oid schema) {
	agg_groups groups = agg_groups_of(schema);
	agg_call_sets sets = {.list = NULL, .count = 0};

	if (groups.count == 0)
		return one_set(agg_set_in(schema));
	sets.list = palloc(sizeof(agg_table_set) * (size_t)groups.count);
	for (int i = 0; i < groups.count; i++) {
		if (groups.list[i]->here)
			sets.list[sets.count++] = (agg_table_set) {.schema = schema, .group = groups.list[i]};
	}
	return sets;
}

/* NULL: there is no such argument. */
static const agg_parameter *argument_called(const char *name, const agg_argument *arguments, size_t count) {
	for (size_t i = 0; i < count; i++) {
		if (strcmp(arguments[i].name, name) == 0)
			return &arguments[i].value;
	}
	return NULL;
}

/* The symbol that a call is about; NULL: there is none. */
static const agg_cell *symbol_of(agg_function function, const agg_argument *arguments, size_t count) {
	static const agg_cell dollar_index = {.as.text = "DXY", .length = 3};
	const agg_parameter *argument = argument_called("p_symbol", arguments, count);

	if (function == AGG_FN_calc_dxy_range_1m)
		return &dollar_index;
	if (function == AGG_FN_agg_set_retention) /* all nodes have a copy of each policy */
		return NULL;
	return argument == NULL || argument->cells->is_null ? NULL : argument->cells;
}

/* What is not about bars: Citus's tables do for it. */
static bool works_on_plain(agg_function function) {
	switch (function) {
	case AGG_FN_agg_distribute:
	case AGG_FN_agg_grant:
	case AGG_FN_agg_revoke:
	case AGG_FN_agg_schedule:
	case AGG_FN_agg_unschedule:
	case AGG_FN_agg_wake:
	case AGG_FN_agg_health:
	case AGG_FN_agg_metrics:
	case AGG_FN_agg_trading_days:
	case AGG_FN_agg_calendar_windows:
	case AGG_FN_agg_set_retention:
	case AGG_FN_ops_runlog_start:
	case AGG_FN_ops_runlog_checkpoint:
	case AGG_FN_ops_runlog_finish:
	case AGG_FN_ops_runlog_prune:
		return true;
	default:
		return false;
	}
}

/* What changes that all groups share, and then each of them. */
static bool works_on_node(agg_function function) {
	return function == AGG_FN_agg_refresh_calendars;
}

/* What is about a symbol here, and cannot be done in a group (yet). */
static bool needs_one_node(agg_function function) {
	switch (function) {
	case AGG_FN_agg_set_keep_revisions:
		return true;
	default:
		return false;
	}
}

/* On the node that is asked: from then on the owner asks. */
static void need_select_on_tasks(agg_table_set plain) {
	Oid tasks = agg_find_table(plain, "data_agg_state");
	AclResult may = pg_class_aclcheck(tasks, GetUserId(), ACL_SELECT);

	if (may != ACLCHECK_OK)
		aclcheck_error(may, OBJECT_TABLE, get_rel_name(tasks));
}

agg_call_sets agg_sets_of_call(agg_table_set plain, agg_function function, Oid function_oid, const agg_argument *arguments, size_t count) {
	const agg_cell *symbol = symbol_of(function, arguments, count);
	bool takes_symbol = argument_called("p_symbol", arguments, count) != NULL;
	agg_call_sets sets;

	if (function == AGG_FN_agg_rows_of_nodes)
		need_select_on_tasks(plain);
	if (!agg_is_distributed(plain.schema))
		return one_set(plain);
	if (works_on_node(function)) {
		sets = one_set(agg_set_of_node(plain.schema));
		sets.on_others = agg_is_coordinator(plain.schema);
		return sets;
	}
	if ((symbol == NULL && !works_on_all(function) && !works_on_plain(function)) || needs_one_node(function))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		                errmsg("%s() is not available%s in a distributed database", get_func_name(function_oid),
		                       symbol == NULL && takes_symbol ? " for all symbols" : ""),
		                errhint("docs/clusters.md lists what is.")));
	if (symbol != NULL) {
		agg_table_set set = plain;

		set.group = agg_group_of_symbol(set.schema, symbol->as.text, symbol->length);
		if (set.group == NULL)
			elog(ERROR, "there is no shard for a symbol");
		sets = set.group->here ? one_set(set) : (agg_call_sets) {.count = 0};
		sets.symbol = symbol;
		return sets;
	}
	if (!works_on_all(function))
		return one_set(plain);
	sets = agg_sets_here(plain.schema);
	sets.on_others = agg_is_coordinator(plain.schema);
	if (function == AGG_FN_agg_rows_of_nodes)
		sets.as_owner_of = agg_find_table(plain, "data_agg_state");
	return sets;
}

/* What an operation begins with that works on all sets of this node, one after the other. */
agg_table_set agg_set_of_node(Oid schema) {
	return (agg_table_set) {.schema = schema, .group = agg_groups_of(schema).copies};
}

static bool is_of_node(agg_table_set set) {
	return set.group != NULL && set.group->id == 0;
}

/* The sets of an operation, of which `set` is the first one, or what it begins with. No group comes or leaves meanwhile, on any node: it
 * would be worked on twice, or by nobody. */
agg_call_sets agg_sets_from(agg_table_set set) {
	if (!is_of_node(set))
		return one_set(set);
	agg_hold_all_groups(set.schema);
	return agg_sets_here(set.schema);
}

/* Keeps it on this node until the transaction ends. False: it has left. */
bool agg_hold_set(agg_table_set set) {
	return set.group == NULL || is_of_node(set) || agg_hold_group(set.schema, set.group);
}

static bool is_of(agg_table_set set, const agg_cell *symbol) {
	return symbol->is_null || agg_group_of_symbol(set.schema, symbol->as.text, symbol->length) == set.group;
}

/* Lists about symbols, one element for each of them, shrink to the elements about the set's. False: none is left. */
bool agg_narrow_arguments(agg_table_set set, const agg_argument *arguments, size_t count, agg_argument *narrowed) {
	const agg_parameter *symbols = argument_called("p_symbols", arguments, count);
	const agg_parameter *timeframes = argument_called("p_timeframes", arguments, count);
	size_t left = 0;

	memcpy(narrowed, arguments, sizeof(agg_argument) * count);
	if (set.group == NULL || symbols == NULL || symbols->cells == NULL || (timeframes != NULL && timeframes->count != symbols->count))
		return true;
	for (size_t i = 0; i < count; i++) {
		const agg_parameter *list = &arguments[i].value;
		agg_cell *cells;

		if (list != symbols && list != timeframes)
			continue;
		cells = palloc0(sizeof(agg_cell) * (size_t)Max(list->count, 1));
		left = 0;
		for (size_t n = 0; n < list->count; n++) {
			if (is_of(set, &symbols->cells[n]))
				cells[left++] = list->cells[n];
		}
		narrowed[i].value.cells = cells;
		narrowed[i].value.count = left;
	}
	return left > 0;
}
