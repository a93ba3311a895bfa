/*
 * The library, the extension's objects in the catalog and the tables are three things that are brought up to a release one after the other:
 *
 *   library    by the package, for sessions that begin afterwards, or with the server where it is preloaded
 *   catalog    by ALTER EXTENSION aggregation UPDATE, which brings up the tables as well
 *   tables     come from an older release where a dump of it was restored: there the catalog is new from the beginning
 *
 * An operation works only where all three are of one release. A catalog of another one ends it; older tables are mended on the spot. The
 * triggers by which changes of bars are noticed ask for none of this: what they write has had the same form in all releases.
 */
#include "shard_groups.h"
#include "shim.h"

#include "ops/setup/shape_mark.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
#include "commands/comment.h"
#include "commands/extension.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* ---- library and catalog ---- */

/* Of the extension in this database, or NULL. */
static char *installed_version(void) {
	Relation extensions = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	char *version = NULL;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ, CStringGetDatum("aggregation"));
	scan = systable_beginscan(extensions, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple)) {
		bool is_null;
		Datum value = heap_getattr(tuple, Anum_pg_extension_extversion, RelationGetDescr(extensions), &is_null);

		if (!is_null)
			version = TextDatumGetCString(value);
	}
	systable_endscan(scan);
	table_close(extensions, AccessShareLock);
	return version;
}

/* Numbers between points: 1.10 is newer than 1.9. */
static int compare_versions(const char *a, const char *b) {
	while (*a != '\0' || *b != '\0') {
		char *rest_of_a;
		char *rest_of_b;
		unsigned long x = strtoul(a, &rest_of_a, 10);
		unsigned long y = strtoul(b, &rest_of_b, 10);

		if (x != y)
			return x < y ? -1 : 1;
		a = *rest_of_a == '.' ? rest_of_a + 1 : "";
		b = *rest_of_b == '.' ? rest_of_b + 1 : "";
	}
	return 0;
}

/*
 * pg_extension tells nobody that a row of it has changed, but an update script changes functions, and that is told. So an answer is good
 * until a function changes. (The suite "upgrade" looks that each script changes one.)
 */
static bool same_release = false;

static void forget_release(Datum argument pg_attribute_unused(), int cache pg_attribute_unused(), uint32 hash pg_attribute_unused()) {
	same_release = false;
}

static void listen_for_updates(void) {
	static bool listening = false;

	if (!listening)
		CacheRegisterSyscacheCallback(PROCOID, forget_release, (Datum)0);
	listening = true;
}

/* What an older or a newer library would do to tables and marks of another release is not known: it does nothing. */
void agg_check_release(agg_function function) {
	char *installed;
	int order;

	if (same_release || (function == AGG_FN_agg_setup && creating_extension))
		return; /* or an update script */
	listen_for_updates();
	installed = installed_version();
	order = installed == NULL ? 0 : compare_versions(installed, AGGREGATION_VERSION);
	if (order < 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		                errmsg("extension \"aggregation\" is at version %s in this database, and its library at %s", installed,
		                       AGGREGATION_VERSION),
		                errdetail("Changes of data_bars are captured in the meantime and aggregated afterwards."),
		                errhint("Run ALTER EXTENSION aggregation UPDATE.")));
	if (order > 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		                errmsg("extension \"aggregation\" is at version %s in this database, and this session has loaded its library of %s",
		                       installed, AGGREGATION_VERSION),
		                errdetail("Changes of data_bars in this session are still captured."),
		                errhint("Reconnect. If aggregation is in shared_preload_libraries, restart the server.")));
	same_release = installed != NULL;
	if (installed != NULL)
		pfree(installed);
}

/* ---- tables ---- */

/* The one that holds the mark, or InvalidOid where agg_setup() has not run yet. */
Oid agg_marked_table(agg_table_set set) {
	Oid table = agg_look_for_table(set, AGG_MARKED_TABLE);
	char kind = OidIsValid(table) ? get_rel_relkind(table) : '\0';

	return kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE ? table : InvalidOid;
}

/* A table that had this release's shape keeps it. */
static Oid known_table = InvalidOid;

bool agg_has_shape(agg_table_set set) {
	Oid table = agg_marked_table(set);
	char *comment;

	if (set.group != NULL || agg_is_distributed(set.schema))
		return true; /* shards have the shape of the table that they are of, which agg_distribute() has changed */
	if (OidIsValid(table) && table == known_table)
		return true;
	if (!OidIsValid(table))
		return false;
	comment = GetComment(table, RelationRelationId, 0);
	if (comment == NULL || strcmp(comment, AGG_SHAPE_MARK AGGREGATION_VERSION) != 0)
		return false;
	if (!TransactionIdIsValid(GetTopTransactionIdIfAny()))
		known_table = table; /* nobody can take the comment back */
	return true;
}

/* Mends what an older release has made. A session that finds it at the same time waits here, and then finds it mended. */
void agg_need_shape(agg_table_set set) {
	Oid table;

	if (agg_has_shape(set) || XactReadOnly || RecoveryInProgress())
		return;
	table = agg_marked_table(set);
	if (!OidIsValid(table))
		return; /* nothing is there yet; the caller that needs it reports that */
	LockRelationOid(table, ShareUpdateExclusiveLock);
	if (agg_has_shape(set))
		return;
	agg_call_in_trigger(set, AGG_FN_mend_shape, NULL, 0);
}
