// What the tables of a set are called in statements.
#include "ops/boundary/table_set.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>

namespace {

std::string named(const agg_table_names &names, std::string_view sql) {
	std::string text(agg_name_tables(names, sql.data(), sql.size(), nullptr, 0), '\0');
	EXPECT_EQ(agg_name_tables(names, sql.data(), sql.size(), text.data(), text.size() + 1), text.size());
	return text;
}

constexpr agg_table_names plain {"\"My bars\"", nullptr, 0};
constexpr std::array others {agg_other_name {"agg_timeframes", "(SELECT 1)"}, agg_other_name {"data_bars", "s.data_bars_102008"}};
constexpr agg_table_names group {"s", others.data(), others.size()};

TEST(TableSet, GivesPlainTablesTheSchema) {
	EXPECT_EQ(named(plain, "SELECT FROM @data_bars b JOIN @x ON true"), "SELECT FROM \"My bars\".data_bars b JOIN \"My bars\".x ON true");
	EXPECT_EQ(named(plain, ""), "");
	EXPECT_EQ(named(plain, "SELECT 1"), "SELECT 1");
}

TEST(TableSet, GivesAGroupItsOwnNames) {
	EXPECT_EQ(named(group, "@data_bars, @derived_data_bars, @data_bars"), "s.data_bars_102008, s.derived_data_bars, s.data_bars_102008");
	EXPECT_EQ(named(group, "FROM @agg_timeframes u"), "FROM (SELECT 1) u");
}

TEST(TableSet, GivesTheTableOfAllSetsItsOwnName) {
	EXPECT_EQ(named(group, "@@data_bars, @data_bars, @@agg_timeframes"), "s.data_bars, s.data_bars_102008, s.agg_timeframes");
	EXPECT_EQ(named(plain, "@@data_bars"), "\"My bars\".data_bars");
}

TEST(TableSet, TakesTheWholeName) {
	EXPECT_EQ(named(group, "@data_bars_2 @data @data_barss"), "s.data_bars_2 s.data s.data_barss");
	EXPECT_EQ(named(group, "'@data_bars'::regclass"), "'s.data_bars_102008'::regclass");
	EXPECT_EQ(named(group, "@"), "s.");
}

TEST(TableSet, FillsNoMoreThanThereIs) {
	std::array<char, 8> text {};
	EXPECT_EQ(agg_name_tables(group, "@data_bars", 10, text.data(), text.size()), 18U);
	EXPECT_STREQ(text.data(), "s.data_");
}

} // namespace
