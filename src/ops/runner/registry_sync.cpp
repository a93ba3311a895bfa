// Makes data_agg_state hold the tasks that the registry's active assets ask for. The registry is read, the
// tasks are worked out asset by asset (one with bad metadata is reported and skipped), and one statement applies them all, so that others
// see either the old configuration or the new one. Cursors, statuses and streaks stay as they are.
#include "ops/runner/registry_sync.hpp"

#include "core/registry.hpp"
#include "ops/bars/index_minutes.hpp"
#include "ops/bars/source_probe.hpp"
#include "ops/boundary/arguments.hpp"
#include "ops/boundary/json.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/calendars/calendar_changes.hpp"
#include "ops/calendars/set_calendar.hpp"
#include "ops/marks/kept_revisions.hpp"
#include "ops/tasks/environment.hpp"
#include "ops/tasks/set_source.hpp"
#include "ops/tasks/task_columns.h"
#include "ops/tasks/tasks.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace aggregation {

namespace {

#define AGG_METADATA_SCALAR(key) "jsonb_typeof(m.agg -> '" key "'), m.agg ->> '" key "'"
#define AGG_METADATA_LIST(key)                                                                                                             \
	"jsonb_typeof(m.agg -> '" key "'), CASE WHEN jsonb_typeof(m.agg -> '" key "') = 'array' THEN "                                         \
	"(SELECT string_agg(COALESCE(e #>> '{}', '') || chr(31), '' ORDER BY n) FROM jsonb_array_elements(m.agg -> '" key                      \
	"') WITH ORDINALITY AS l(e, n)) END"

// The last column: keys of agg that mean nothing here, and keys beside it that belong into it.
#define AGG_METADATA_KEYS "ARRAY['enabled', 'start_utc', 'mandatory', 'optional', 'delay_seconds', 'priority', 'calendar', 'source', 'keep_revisions', 'freshness_target_seconds']"
const Statement &active_assets() {
	static const Statement statement {
	    "core_asset_registry_all",
	    "SELECT a.canonical_symbol, jsonb_typeof(m.agg), " AGG_METADATA_SCALAR("enabled") ", " AGG_METADATA_SCALAR("start_utc") ", " AGG_METADATA_LIST(
	        "mandatory") ", " AGG_METADATA_LIST("optional") ", " AGG_METADATA_SCALAR("delay_seconds") ", " AGG_METADATA_SCALAR("priority") ", " AGG_METADATA_SCALAR("calendar") ", " AGG_METADATA_SCALAR("source") ", " AGG_METADATA_SCALAR("keep_revisions") ", " AGG_METADATA_SCALAR("freshness_target_seconds") R"sql(, k.unknown
FROM @core_asset_registry_all a
CROSS JOIN LATERAL (SELECT CASE WHEN jsonb_typeof(a.metadata) = 'object' THEN a.metadata -> 'agg' END AS agg) m
CROSS JOIN LATERAL (
	SELECT string_agg(u.name, ', ' ORDER BY u.name) AS unknown
	FROM (
		SELECT key AS name
		FROM jsonb_object_keys(CASE WHEN jsonb_typeof(m.agg) = 'object' THEN m.agg ELSE '{}' END) AS keys(key)
		WHERE key <> ALL ()sql" AGG_METADATA_KEYS R"sql()
		UNION ALL
		SELECT 'metadata.' || key || CASE WHEN lower(btrim(key)) = 'agg' THEN ' (is spelt agg)' ELSE ' (belongs into metadata.agg)' END
		FROM jsonb_object_keys(CASE WHEN jsonb_typeof(a.metadata) = 'object' THEN a.metadata ELSE '{}' END) AS keys(key)
		WHERE (lower(btrim(key)) = 'agg' AND key <> 'agg')
			OR (lower(btrim(key)) = ANY ()sql" AGG_METADATA_KEYS R"sql() AND (m.agg -> lower(btrim(key))) IS NULL)
	) u
) k
WHERE CASE WHEN $1::bool THEN a.test_active ELSE a.active END
ORDER BY a.canonical_symbol)sql",
	    {AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_TEXT,
	     AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_TEXT},
	    Planning::by_statistics};
	return statement;
}

const Statement &stored_starts() {
	static const Statement statement {
	    "data_agg_state",
	    "SELECT s.canonical_symbol, s.timeframe, s.agg_start_utc FROM @data_agg_state s WHERE s.canonical_symbol = ANY ($1::text[])",
	    {AGG_TEXT, AGG_TEXT, AGG_TIMESTAMPTZ},
	    Planning::by_statistics};
	return statement;
}

const Statement &stored_calendars() {
	static const Statement statement {"data_agg_state",
	                                  "SELECT DISTINCT s.canonical_symbol, s.calendar FROM @data_agg_state s WHERE s.calendar IS NOT NULL",
	                                  {AGG_TEXT, AGG_TEXT},
	                                  Planning::by_statistics};
	return statement;
}

const Statement &apply() {
	static const Statement statement {"data_agg_state",
	                                  R"sql(
WITH wanted AS (
	SELECT *
	FROM unnest($1::text[], $2::text[], $3::text[], $4::int4[], $5::int4[], $6::int4[], $7::timestamptz[],
		$8::bool[], $9::text[], $12::bool[], $13::int4[])
		AS w(canonical_symbol, timeframe, source, run_interval, delay, priority, start_utc, mandatory, calendar, keep_revisions, freshness_target)
), applied AS (
	INSERT INTO @data_agg_state AS s (canonical_symbol, timeframe, source_timeframe, run_interval_minutes,
		aggregation_delay_seconds, task_priority, agg_start_utc, is_mandatory, enabled, status, next_run_at, updated_at, calendar,
		keep_revisions, freshness_target_seconds)
	SELECT w.canonical_symbol, w.timeframe, w.source, w.run_interval, w.delay, w.priority, w.start_utc, w.mandatory, true, 'idle', NULL, now(),
		w.calendar, COALESCE(w.keep_revisions, o.keep_revisions, false), COALESCE(w.freshness_target, o.freshness_target_seconds)
	FROM wanted w
	LEFT JOIN @data_agg_state o ON o.canonical_symbol = w.canonical_symbol AND o.timeframe = w.timeframe
	ORDER BY )sql" AGG_LOCK_ORDER("w.") R"sql(
	ON CONFLICT (canonical_symbol, timeframe) DO UPDATE SET source_timeframe = EXCLUDED.source_timeframe,
		run_interval_minutes = EXCLUDED.run_interval_minutes, aggregation_delay_seconds = EXCLUDED.aggregation_delay_seconds,
		task_priority = EXCLUDED.task_priority, agg_start_utc = EXCLUDED.agg_start_utc, is_mandatory = EXCLUDED.is_mandatory,
		enabled = NOT s.disabled_by_operator, updated_at = now(), keep_revisions = EXCLUDED.keep_revisions,
		freshness_target_seconds = EXCLUDED.freshness_target_seconds
	WHERE
		(s.source_timeframe, s.run_interval_minutes, s.aggregation_delay_seconds, s.task_priority, s.agg_start_utc, s.is_mandatory,
			s.enabled, s.keep_revisions, s.freshness_target_seconds)
		IS DISTINCT FROM
		(EXCLUDED.source_timeframe, EXCLUDED.run_interval_minutes, EXCLUDED.aggregation_delay_seconds, EXCLUDED.task_priority,
			EXCLUDED.agg_start_utc, EXCLUDED.is_mandatory, NOT s.disabled_by_operator, EXCLUDED.keep_revisions, EXCLUDED.freshness_target_seconds)
	RETURNING (xmax = 0) AS created, s.canonical_symbol
), disabled AS (
	UPDATE @data_agg_state s
	SET enabled = false, updated_at = now()
	WHERE s.enabled
		AND NOT EXISTS (
			SELECT 1
			FROM unnest($10::text[]) AS a(symbol)
			WHERE a.symbol = s.canonical_symbol
		)
	RETURNING 1
)
SELECT (SELECT count(*) FROM applied WHERE created), (SELECT count(*) FROM applied a WHERE NOT a.created AND a.canonical_symbol <> ALL ($11::text[])),
	(SELECT count(*) FROM disabled))sql",
	                                  {AGG_INT8, AGG_INT8, AGG_INT8},
	                                  Planning::by_statistics};
	return statement;
}

const Statement &remember() {
	static const Statement statement {"agg_registry_sync",
	                                  R"sql(
INSERT INTO @agg_registry_sync AS s (env_name, agg_start_utc, synced_at_utc, assets_skipped, unknown_keys)
VALUES ($1::text, $2::timestamptz, $3::timestamptz, $4::text::jsonb, $5::text::jsonb)
ON CONFLICT (env_name) DO UPDATE SET agg_start_utc = EXCLUDED.agg_start_utc, synced_at_utc = EXCLUDED.synced_at_utc,
	assets_skipped = EXCLUDED.assets_skipped, unknown_keys = EXCLUDED.unknown_keys)sql"};
	return statement;
}

/// Each group of shards is synced for itself: $6.
const Statement &remember_of_group() {
	static const Statement statement {"agg_registry_sync",
	                                  R"sql(
INSERT INTO @agg_registry_sync AS s (env_name, agg_start_utc, synced_at_utc, assets_skipped, unknown_keys, shards)
VALUES ($1::text, $2::timestamptz, $3::timestamptz, $4::text::jsonb, $5::text::jsonb, $6::text)
ON CONFLICT (env_name, shards) DO UPDATE SET agg_start_utc = EXCLUDED.agg_start_utc, synced_at_utc = EXCLUDED.synced_at_utc,
	assets_skipped = EXCLUDED.assets_skipped, unknown_keys = EXCLUDED.unknown_keys)sql"};
	return statement;
}

// Names are made up easily.
const Statement &forget_old_environments() {
	static const Statement statement {"agg_registry_sync",
	                                  "DELETE FROM @agg_registry_sync d WHERE d.env_name IN (SELECT s.env_name FROM @agg_registry_sync s "
	                                  "ORDER BY s.synced_at_utc DESC, s.env_name OFFSET 1000)",
	                                  {},
	                                  Planning::by_statistics};
	return statement;
}

const Statement &last_sync() {
	static const Statement statement {"agg_registry_sync",
	                                  "SELECT s.agg_start_utc, s.synced_at_utc > $2::timestamptz FROM @agg_registry_sync s "
	                                  "WHERE s.env_name = $1::text",
	                                  {AGG_TIMESTAMPTZ, AGG_BOOL}};
	return statement;
}

/// The start is that of the environment, whichever group was synced with it.
const Statement &last_sync_of_group() {
	static const Statement statement {"agg_registry_sync",
	                                  "SELECT s.agg_start_utc, s.shards = $3::text AND s.synced_at_utc > $2::timestamptz "
	                                  "FROM @agg_registry_sync s WHERE s.env_name = $1::text "
	                                  "ORDER BY s.shards = $3::text DESC, s.synced_at_utc DESC LIMIT 1",
	                                  {AGG_TIMESTAMPTZ, AGG_BOOL}};
	return statement;
}

struct Asset {
	std::string symbol;
	AssetMetadata metadata;
};

MetadataValue value_at(const Row &row, size_t column) {
	return {row.maybe_text(column).value_or(""), row.maybe_text(column + 1).value_or("")};
}

/// What a group is known by: its shard of data_bars.
std::string name_of_group(const Database &db) {
	return db.qualify("@data_bars");
}

struct LastSync {
	Timestamp start;
	bool fresh; // after `since`
};

Op<std::optional<LastSync>> find_last_sync(Database &db, const std::string &environment, Timestamp since) {
	std::optional<LastSync> found;
	auto take = [&](const Row &row) {
		found = LastSync {row.maybe_timestamp(0).value_or(default_start), !row.is_null(1) && row.boolean(1)};
		return Flow::enough;
	};
	const std::string shards = name_of_group(db);
	auto list = parameters(text_parameter(environment), timestamp_parameter(since));
	if (db.is_group())
		list.push_back(text_parameter(shards));
	co_await db.query(db.is_group() ? last_sync_of_group() : last_sync(), std::move(list), take);
	co_return found;
}

/// The columns of apply()'s first nine parameters. A calendar counts for new tasks; set_calendar() has given it to the others.
class WantedTasks {
public:
	void add(std::string_view symbol, const TaskConfiguration &task, const std::optional<std::string> &calendar,
	         std::optional<bool> keep_revisions, std::optional<int64_t> freshness_target) {
		symbols_.push_back(cell(symbol));
		timeframes_.push_back(keep(task.timeframe.name()));
		sources_.push_back(keep(task.source.name()));
		intervals_.push_back(cell(task.run_interval_minutes));
		delays_.push_back(cell(task.delay_seconds));
		priorities_.push_back(cell(task.priority));
		starts_.push_back(cell(task.start));
		mandatory_.push_back(cell(task.mandatory));
		calendars_.push_back(calendar && *calendar != utc_calendar ? keep(*calendar) : null_cell());
		kept_.push_back(cell(keep_revisions));
		targets_.push_back(cell(freshness_target));
	}
	/// The last parameters: what stays as it is where the metadata do not say it.
	Parameter take_kept() {
		return {AGG_BOOL, std::move(kept_)};
	}
	Parameter take_targets() {
		return {AGG_INT4, std::move(targets_)};
	}
	std::vector<Parameter> take() {
		return parameters(Parameter(AGG_TEXT, std::move(symbols_)), Parameter(AGG_TEXT, std::move(timeframes_)),
		                  Parameter(AGG_TEXT, std::move(sources_)), Parameter(AGG_INT4, std::move(intervals_)),
		                  Parameter(AGG_INT4, std::move(delays_)), Parameter(AGG_INT4, std::move(priorities_)),
		                  Parameter(AGG_TIMESTAMPTZ, std::move(starts_)), Parameter(AGG_BOOL, std::move(mandatory_)),
		                  Parameter(AGG_TEXT, std::move(calendars_)));
	}

private:
	agg_cell keep(const std::string &name) {
		return cell(std::string_view(*names_.insert(name).first));
	}

	std::set<std::string> names_;
	std::vector<agg_cell> symbols_, timeframes_, sources_, intervals_, delays_, priorities_, starts_, mandatory_, calendars_, kept_, targets_;
};

/// A name that nobody will find again: feeds and calls would have to have the same blanks.
void check_registered_symbol(const std::string &symbol) {
	check_symbol(symbol);
	if (symbol.empty())
		throw Error(sqlstate::invalid_parameter_value, "canonical_symbol is empty");
	if (has_blanks_around(symbol))
		throw Error(sqlstate::invalid_parameter_value, "canonical_symbol \"" + shortened(symbol) + "\" has blanks around it");
}

/// Where the assets that want to start with their first bar have it; and where their tasks start now, which a start is never put behind:
/// source that retention has removed was there.
struct FirstBars {
	std::map<std::string, Timestamp, std::less<>> bars;
	std::map<std::pair<std::string, std::string>, Timestamp> starts;

	std::optional<Timestamp> bar_of(const std::string &symbol) const {
		const auto found = bars.find(symbol);
		return found == bars.end() ? std::nullopt : std::optional(found->second);
	}
	Timestamp start_of(const std::string &symbol, const TaskConfiguration &task) const {
		const auto found = starts.find({symbol, task.timeframe.name()});
		if (found == starts.end())
			return task.start;
		return bars.contains(symbol) ? std::min(found->second, task.start) : found->second;
	}
};

Op<FirstBars> find_first_bars(Database &db, const std::vector<Asset> &assets) {
	FirstBars first;
	std::vector<SourceProbe> probes;
	std::vector<agg_cell> symbols;
	for (const auto &asset : assets) {
		if (!starts_with_first_bar(asset.metadata))
			continue;
		probes.push_back({asset.symbol, minutes()});
		symbols.push_back(cell(std::string_view(asset.symbol)));
	}
	if (probes.empty())
		co_return first;
	const auto found = co_await first_bars(db, probes);
	const auto indexes = co_await read_indexes(db);
	for (size_t i = 0; i < probes.size(); ++i) {
		std::optional<Timestamp> bar = found[i];
		if (const GeometricIndex *index = indexes.find(probes[i].symbol)) {
			const auto computed = co_await next_index_minute(db, indexes, *index, Timestamp::range_begin());
			if (computed && (!bar || *computed < *bar))
				bar = computed;
		}
		if (bar)
			first.bars.emplace(std::string(probes[i].symbol), *bar);
	}
	auto take = [&](const Row &row) {
		first.starts[{std::string(row.text(0)), std::string(row.text(1))}] = row.maybe_timestamp(2).value_or(default_start);
		return Flow::more;
	};
	co_await db.query(stored_starts(), parameters(Parameter(AGG_TEXT, std::move(symbols))), take);
	co_return first;
}

/// The calendars of the assets: what their metadata say, else what their tasks have.
struct AssetCalendars {
	Calendars known;
	CalendarNames existing;
	std::map<std::string, std::string, std::less<>> stored; // by symbol, of those that have tasks with another one than UTC

	/// nullopt: UTC. Throws what is wrong in the metadata.
	std::optional<std::string> name_for(const Asset &asset) const {
		const auto wanted = calendar_name(asset.metadata);
		const auto found = stored.find(asset.symbol);
		if (!wanted)
			return found == stored.end() ? std::nullopt : std::optional(found->second);
		if (*wanted != utc_calendar && !existing.contains(*wanted))
			throw Error(sqlstate::invalid_parameter_value,
			            "metadata.agg.calendar names \"" + shortened(*wanted) + "\", which is not a calendar");
		return wanted;
	}
	/// Whether its tasks, if there are any, have another one than its metadata say.
	bool changes(const Asset &asset) const {
		const auto wanted = calendar_name(asset.metadata);
		const auto found = stored.find(asset.symbol);
		return wanted && *wanted != (found == stored.end() ? utc_calendar : std::string_view(found->second));
	}
};

Op<AssetCalendars> find_calendars(Database &db, const std::vector<Asset> &assets) {
	AssetCalendars calendars;
	CalendarNames wanted;
	for (const auto &asset : assets) {
		if (asset.metadata.calendar.type == "string" && asset.metadata.calendar.text != utc_calendar)
			wanted.insert(asset.metadata.calendar.text);
	}
	auto take = [&](const Row &row) {
		calendars.stored.emplace(row.text(0), row.text(1));
		return Flow::more;
	};
	co_await db.query(stored_calendars(), {}, take);
	for (const auto &[symbol, name] : calendars.stored)
		wanted.insert(name);
	if (wanted.empty())
		co_return calendars;
	calendars.existing = co_await need_calendars(db, wanted);
	const std::set<std::string> names(calendars.existing.begin(), calendars.existing.end());
	calendars.known = co_await read_calendars(db, names);
	co_return calendars;
}

} // namespace

Op<SyncResult> sync_registry(Database &db, const std::string &environment, Timestamp start, Timestamp now) {
	std::vector<Asset> assets;
	auto take = [&](const Row &row) {
		assets.push_back({std::string(row.text(0)),
		                  {.agg = {row.maybe_text(1).value_or(""), ""},
		                   .enabled = value_at(row, 2),
		                   .start_utc = value_at(row, 4),
		                   .mandatory = value_at(row, 6),
		                   .optional = value_at(row, 8),
		                   .delay_seconds = value_at(row, 10),
		                   .priority = value_at(row, 12),
		                   .calendar = value_at(row, 14),
		                   .source = value_at(row, 16),
		                   .keep_revisions = value_at(row, 18),
		                   .freshness_target_seconds = value_at(row, 20),
		                   .unknown_keys = row.maybe_text(22).value_or("")}});
		return Flow::more;
	};
	co_await db.query(active_assets(), parameters(Parameter(AGG_BOOL, cell(assets_of(environment) == Assets::test_active))), take);

	const auto first = co_await find_first_bars(db, assets);
	const auto calendars = co_await find_calendars(db, assets);
	const auto exact = co_await exact_symbols(db);
	SyncResult result;
	WantedTasks wanted;
	std::string refused;
	std::string not_understood;
	std::vector<agg_cell> active;
	std::vector<std::pair<std::string, std::string>> changed; // symbols and their new calendars
	bool says_what_is_kept = false;
	for (const auto &asset : assets) {
		try {
			if (!asset.metadata.unknown_keys.empty())
				not_understood += (not_understood.empty() ? "" : ", ") + JsonObject()
				                                                             .add("canonical_symbol", std::string_view(asset.symbol))
				                                                             .add("keys", std::string_view(asset.metadata.unknown_keys))
				                                                             .text();
			check_registered_symbol(asset.symbol);
			const auto calendar = calendars.name_for(asset);
			const auto keep = keeps_revisions(asset.metadata);
			const auto target = freshness_target_seconds(asset.metadata);
			const auto rule = source_rule(asset.metadata).value_or(exact.contains(asset.symbol) ? SourceRule::exact : SourceRule::chain);
			auto tasks =
			    configured_tasks(asset.metadata, start, first.bar_of(asset.symbol), calendars.known.named(calendar, asset.symbol), rule);
			for (auto &task : tasks) {
				if (starts_with_first_bar(asset.metadata))
					task.start = first.start_of(asset.symbol, task);
				wanted.add(asset.symbol, task, calendar, keep, target);
			}
			says_what_is_kept = says_what_is_kept || keep;
			if (calendars.changes(asset))
				changed.emplace_back(asset.symbol, *calendar);
			if (tasks.empty() && switched_off(asset.metadata))
				continue; // as if the asset were not active: all tasks that it has are disabled
			active.push_back(cell(std::string_view(asset.symbol)));
		} catch (const Error &error) {
			active.push_back(cell(std::string_view(asset.symbol))); // its tasks stay as they are
			++result.skipped;
			refused +=
			    (refused.empty() ? "" : ", ") +
			    JsonObject().add("canonical_symbol", std::string_view(asset.symbol)).add("error", std::string_view(error.message)).text();
		}
	}
	int64_t with_other_calendar = 0; // all tasks of these symbols; what else changes of them is not counted again
	std::vector<agg_cell> counted;
	for (const auto &[symbol, calendar] : changed) {
		const auto tasks = co_await set_calendar(db, symbol, calendar);
		with_other_calendar += static_cast<int64_t>(tasks.changed.size());
		counted.push_back(cell(std::string_view(symbol)));
	}
	auto list = wanted.take();
	list.emplace_back(AGG_TEXT, std::move(active));
	list.emplace_back(AGG_TEXT, std::move(counted));
	list.push_back(wanted.take_kept());
	list.push_back(wanted.take_targets());
	result.skipped_json = "[" + refused + "]";
	result.unknown_keys_json = "[" + not_understood + "]";
	auto take_counts = [&](const Row &row) {
		result.created = row.integer(0);
		result.updated = row.integer(1) + with_other_calendar;
		result.disabled = row.integer(2);
		return Flow::more;
	};
	co_await db.query(apply(), std::move(list), take_counts);
	if (says_what_is_kept)
		co_await follow_keep_revisions(db);

	auto sync = parameters(text_parameter(environment), timestamp_parameter(start), timestamp_parameter(now),
	                       text_parameter(result.skipped_json), text_parameter(result.unknown_keys_json));
	const std::string shards = name_of_group(db);
	if (db.is_group())
		sync.push_back(text_parameter(shards));
	co_await db.execute(db.is_group() ? remember_of_group() : remember(), std::move(sync));
	co_await db.execute(forget_old_environments(), {});
	if (result.created + result.updated > 0)
		co_await db.wake_worker();
	co_return result;
}

Op<bool> was_synced(Database &db, std::string environment) {
	const auto last = co_await find_last_sync(db, environment, Timestamp::range_begin());
	co_return last.has_value();
}

Op<bool> sync_registry_if_older(Database &db, const std::string &environment, Duration age, Timestamp now) {
	const auto last = co_await find_last_sync(db, environment, now - age);
	if (last && last->fresh)
		co_return false;
	const Timestamp start = last ? last->start : default_start;
	const auto result = co_await sync_registry(db, environment, start, now);
	if (result.skipped > 0)
		co_await db.notice("the sync from the registry skipped " + std::to_string(result.skipped) +
		                   " assets: see assets_skipped in agg_registry_sync");
	co_return true;
}

} // namespace aggregation
