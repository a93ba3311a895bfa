// The core's parsers on random input: bytes, fragments of what they know, and mutations of both. The seed is printed; AGGREGATION_FUZZ_SEED
// repeats it, AGGREGATION_FUZZ_CALLS says how many inputs each parser gets (default 200,000). libFuzzer gives the same properties input of
// its own: test/fuzz/parsers.sh.
#include "parser_properties.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <random>

using namespace aggregation;

namespace {

uint64_t number_from_environment(const char *name, uint64_t fallback) {
	const char *text = std::getenv(name);
	return text == nullptr || *text == '\0' ? fallback : std::strtoull(text, nullptr, 10);
}

class Inputs {
public:
	explicit Inputs(uint64_t seed) : random_(seed) {
	}
	std::string next() {
		std::string input;
		for (uint64_t parts = random_() % 8; parts > 0; --parts)
			input += random_() % 3 == 0 ? bytes() : fragment();
		if (random_() % 4 == 0 && !last_.empty())
			input = mutated(last_);
		if (random_() % 2 == 0) // the properties take a time off the front
			input = bytes(8) + input;
		return last_ = input;
	}

private:
	std::string bytes(size_t length) {
		std::string text(length, '\0');
		for (char &c : text)
			c = static_cast<char>(random_());
		return text;
	}
	std::string bytes() {
		return bytes(random_() % 20);
	}
	std::string fragment() {
		constexpr const char *fragments[] {"1",     "5",          "60",  "99999", "5200",    "5201",   "m",      "h",      "d",
		                                   "w",     "1m",         "1d",  "2025",  "0001",    "294276", "-07-01", "-02-29", "T",
		                                   " ",     "23:59",      ":60", ".5",    ".999999", "Z",      "+00",    "-15:59", "+14:00",
		                                   "24:00", "2024-02-29", "\"",  "\\",    "\x1f",    "\x01",   "0",      "-",      "\xc3\xa4"};
		return fragments[random_() % std::size(fragments)];
	}
	std::string mutated(std::string text) {
		const size_t at = random_() % text.size();
		switch (random_() % 3) {
		case 0:
			text.erase(at, 1);
			break;
		case 1:
			text[at] = static_cast<char>(random_());
			break;
		default:
			text.insert(at, fragment());
		}
		return text;
	}

	std::mt19937_64 random_;
	std::string last_;
};

void hold_for_all(const char *name, void (*properties)(std::string_view)) {
	std::random_device entropy;
	const uint64_t seed = number_from_environment("AGGREGATION_FUZZ_SEED", entropy());
	const uint64_t calls = number_from_environment("AGGREGATION_FUZZ_CALLS", 200'000);
	std::cout << name << ": " << calls << " inputs, AGGREGATION_FUZZ_SEED=" << seed << "\n";
	Inputs inputs(seed);
	for (uint64_t i = 0; i < calls; ++i)
		ASSERT_NO_THROW(properties(inputs.next())) << "AGGREGATION_FUZZ_SEED=" << seed << " input " << i;
}

} // namespace

TEST(Parsers, Timeframes) {
	hold_for_all("timeframes", fuzz::timeframe);
}

TEST(Parsers, Times) {
	hold_for_all("times", fuzz::iso8601);
}

TEST(Parsers, RegistryMetadata) {
	hold_for_all("registry metadata", fuzz::registry);
}

TEST(Parsers, JsonAndMessages) {
	hold_for_all("JSON", fuzz::json);
}

// A random timeframe is one of thousands: every name that there is, at random times and at the ends of the range.
TEST(Parsers, EveryTimeframe) {
	std::mt19937_64 random(1);
	for (const char *unit : {"m", "h", "d", "w"}) {
		for (int n = 1; n <= 99'999; ++n) {
			const auto parsed = Timeframe::parse(std::to_string(n) + unit);
			if (!parsed)
				continue;
			for (const int64_t us : {static_cast<int64_t>(random()) % Timestamp::range_end().us, Timestamp::range_begin().us,
			                         Timestamp::range_end().us - 1, int64_t {0}})
				ASSERT_NO_THROW(fuzz::windows_tile(Grid(*parsed), {us}, parsed->name()));
		}
	}
}
