// libFuzzer's entry to the properties of the core's parsers.
#include "parser_properties.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	aggregation::fuzz::all({reinterpret_cast<const char *>(data), size});
	return 0;
}
