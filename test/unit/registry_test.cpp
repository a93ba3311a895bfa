// What an asset's metadata asks for.
#include "core/error.hpp"
#include "core/grid.hpp"
#include "core/registry.hpp"

#include <gtest/gtest.h>

using namespace aggregation;

namespace {

constexpr Timestamp start {0};

MetadataValue list(std::initializer_list<const char *> elements) {
	std::string text;
	for (const char *element : elements)
		text += std::string(element) + list_end;
	return {"array", text};
}

/// "5m<1m* 1h<5m" : each task, its source, a star where it is mandatory.
std::string tasks(const AssetMetadata &metadata) {
	std::string text;
	for (const auto &task : configured_tasks(metadata, start))
		text += (text.empty() ? "" : " ") + task.timeframe.name() + "<" + task.source.name() + (task.mandatory ? "*" : "");
	return text;
}

AssetMetadata with_agg() {
	AssetMetadata metadata;
	metadata.agg = {"object", ""};
	return metadata;
}

void expect_refused(const AssetMetadata &metadata, const std::string &part) {
	try {
		configured_tasks(metadata, start);
		ADD_FAILURE() << "not refused: " << part;
	} catch (const Error &error) {
		EXPECT_EQ(error.sqlstate, "22023");
		EXPECT_NE(error.message.find(part), std::string::npos) << error.message;
	}
}

} // namespace

TEST(Registry, DefaultsAreFiveMinutesAndAnHour) {
	EXPECT_EQ(tasks({}), "5m<1m* 1h<5m*");
	const auto task = configured_tasks({}, start).front();
	EXPECT_EQ(task.delay_seconds, 30);
	EXPECT_EQ(task.priority, 100);
	EXPECT_EQ(task.run_interval_minutes, 5);
	EXPECT_EQ(task.start, start);
}

TEST(Registry, ExactBarsNeedNothingBetweenThemAndTheMinutes) {
	auto metadata = with_agg();
	metadata.mandatory = list({"1h"});
	metadata.optional = list({"1w"});
	std::string sources;
	for (const auto &task : configured_tasks(metadata, start, std::nullopt, nullptr, SourceRule::exact))
		sources += task.timeframe.name() + "<" + task.source.name() + " ";
	EXPECT_EQ(sources, "1h<1m 1w<1m ");

	EXPECT_EQ(source_rule(metadata), std::nullopt);
	for (const auto &[text, rule] :
	     {std::pair("1m", SourceRule::exact), std::pair("exact", SourceRule::exact), std::pair("chain", SourceRule::chain)}) {
		metadata.source = {"string", text};
		EXPECT_EQ(source_rule(metadata), rule);
	}
	for (const auto &value : {MetadataValue {"string", "5m"}, MetadataValue {"string", ""}, MetadataValue {"number", "1"}}) {
		metadata.source = value;
		EXPECT_THROW(source_rule(metadata), Error);
	}
}

TEST(Registry, FormerBarsAreKeptOrNotOrAsTheyAre) {
	auto metadata = with_agg();
	EXPECT_EQ(keeps_revisions(metadata), std::nullopt);
	metadata.keep_revisions = {"boolean", "true"};
	EXPECT_EQ(keeps_revisions(metadata), true);
	metadata.keep_revisions = {"boolean", "false"};
	EXPECT_EQ(keeps_revisions(metadata), false);
	metadata.keep_revisions = {"string", "true"};
	EXPECT_THROW(keeps_revisions(metadata), Error);
}

TEST(Registry, FreshnessTargetsAreSecondsOrAsTheyAre) {
	auto metadata = with_agg();
	EXPECT_EQ(freshness_target_seconds(metadata), std::nullopt);
	metadata.freshness_target_seconds = {"number", "600"};
	EXPECT_EQ(freshness_target_seconds(metadata), 600);
	for (const auto &value : {MetadataValue {"number", "0"}, MetadataValue {"number", "-5"}, MetadataValue {"number", "1.5"},
	                          MetadataValue {"string", "600"}}) {
		metadata.freshness_target_seconds = value;
		EXPECT_THROW(freshness_target_seconds(metadata), Error);
	}
}

TEST(Registry, ListsPullInWhatTheirMembersAreBuiltFrom) {
	auto metadata = with_agg();
	metadata.mandatory = list({"1h"});
	metadata.optional = list({"1w"});
	EXPECT_EQ(tasks(metadata), "1h<5m* 5m<1m* 1w<1d 1d<1h");
	metadata.mandatory = list({});
	EXPECT_EQ(tasks(metadata), "1w<1d 1d<1h 1h<5m 5m<1m");
	metadata.optional = {};
	EXPECT_EQ(tasks(metadata), "");
}

TEST(Registry, ATimeframeInBothListsIsMandatory) {
	auto metadata = with_agg();
	metadata.mandatory = list({"15m"});
	metadata.optional = list({"15m", "5m"});
	EXPECT_EQ(tasks(metadata), "15m<5m* 5m<1m*");
}

TEST(Registry, ASwitchedOffAssetWantsNothing) {
	auto metadata = with_agg();
	metadata.enabled = {"boolean", "false"};
	EXPECT_TRUE(switched_off(metadata));
	EXPECT_EQ(tasks(metadata), "");
}

TEST(Registry, ValuesOfTheMetadataWin) {
	auto metadata = with_agg();
	metadata.start_utc = {"string", "2024-03-01T00:00:00Z"};
	metadata.delay_seconds = {"number", "90"};
	metadata.priority = {"number", "-5"};
	const auto task = configured_tasks(metadata, start).front();
	EXPECT_EQ(task.start, *parse_iso8601("2024-03-01"));
	EXPECT_EQ(task.delay_seconds, 90);
	EXPECT_EQ(task.priority, -5);
}

TEST(Registry, WhatMakesNoSenseIsRefusedByName) {
	AssetMetadata metadata;
	metadata.agg = {"array", ""};
	expect_refused(metadata, "metadata.agg must be an object");
	metadata = with_agg();
	metadata.enabled = {"string", "yes"};
	expect_refused(metadata, ".enabled");
	metadata = with_agg();
	metadata.start_utc = {"string", "soon"};
	expect_refused(metadata, ".start_utc");
	metadata = with_agg();
	metadata.mandatory = {"string", "5m"};
	expect_refused(metadata, ".mandatory must be a list");
	for (const char *name : {"", "1m", "5 minutes", "1q"}) {
		metadata = with_agg();
		metadata.optional = list({name});
		expect_refused(metadata, ".optional names");
	}
	for (const char *number : {"1.5", "-1", "99999999999", "1e3", ""}) {
		metadata = with_agg();
		metadata.delay_seconds = {"number", number};
		expect_refused(metadata, ".delay_seconds");
	}
	metadata = with_agg();
	metadata.optional = list({std::string(100'000, 'x').c_str()});
	try {
		configured_tasks(metadata, start);
		FAIL();
	} catch (const Error &error) {
		EXPECT_LT(error.message.size(), 300U) << "quotes only the beginning";
	}
}

TEST(Registry, StartsWithTheWindowOfTheFirstBar) {
	auto metadata = with_agg();
	metadata.start_utc = {"string", "first_bar"};
	metadata.mandatory = list({"1w"});
	const Timestamp thursday {Duration::minutes(10 * 60 + 3).us}; // 1970-01-01 10:03
	for (const auto &task : configured_tasks(metadata, start, thursday))
		EXPECT_EQ(task.start, Grid(task.timeframe).floor(thursday)) << task.timeframe.name();
	for (const auto &task : configured_tasks(metadata, start))
		EXPECT_EQ(task.start, start) << "no bar yet";
	metadata.start_utc = {"string", "1970-02-01T00:00:00Z"};
	EXPECT_NE(configured_tasks(metadata, start, thursday).front().start, thursday) << "a time wins";
}
