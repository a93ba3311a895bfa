# make && make install && make installcheck, with PG_CONFIG naming the server to build for. make deb and make dist find what they need themselves.
ifneq ($(filter deb dist,$(MAKECMDGOALS)),)
.PHONY: deb dist
deb dist:
	@bash scripts/$@.sh
else

PG_CONFIG ?= pg_config

EXTENSION = aggregation
MODULE_big = aggregation
EXTENSION_VERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" aggregation.control)

# The folders are the list of sources: what lies in them is built, here and by CMake.
C_SOURCES := $(sort $(wildcard src/pg/*.c))
CXX_SOURCES := $(sort $(wildcard src/core/*.cpp src/ops/*/*.cpp))
OBJS = $(C_SOURCES:.c=.o) $(CXX_SOURCES:.cpp=.o)
SQL_SOURCES := $(sort $(wildcard src/sql/*.sql))

SCRIPT = aggregation--$(EXTENSION_VERSION).sql
DATA_built = $(SCRIPT)
DATA = $(sort $(wildcard src/sql/updates/*.sql))
# For a monitoring system: they go to $(docdir)/extension.
DOCS = $(sort $(wildcard monitoring/aggregation_*))
REGRESS = $(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql)))
EXTRA_CLEAN = built_for $(OBJS:.o=.d) $(OBJS:.o=.bc)

# Without bitcode: JIT has nothing to inline here, and the clang that Debian's PostgreSQL would use knows no standard coroutines.
override with_llvm = no
# Nothing compiled names the folder that it was compiled in: two checkouts of the same sources give the same library.
quoted_folder := $(subst ','\'',$(CURDIR))
# The server's headers count as the system's, so that -Wextra speaks of our code alone.
PG_CPPFLAGS = -ffile-prefix-map='$(quoted_folder)'=. -Isrc -DAGGREGATION_VERSION='"$(EXTENSION_VERSION)"' -isystem $(shell $(PG_CONFIG) --includedir-server) -MMD -MP
PG_CFLAGS = -Wextra
# No fused multiply-add: the same bars must give the same bits on every machine.
PG_CXXFLAGS = -std=c++20 -Wall -Wextra -ffp-contract=off -fvisibility=hidden
SHLIB_LINK = -lstdc++

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# What was compiled for another PostgreSQL is compiled again.
BUILT_FOR := $(shell $(PG_CONFIG) --version --includedir-server | cmp -s - built_for || $(PG_CONFIG) --version --includedir-server >built_for)
$(C_SOURCES:.c=.o): built_for

# Functions whose names an older system may have used: all but those that take values of our own types.
NAMED_IN := $(filter-out src/sql/70_candlesticks.sql,$(SQL_SOURCES))
$(SCRIPT): $(SQL_SOURCES) aggregation.control
	names=$$(sed -nE "s/^CREATE (FUNCTION|PROCEDURE) @extschema@\.([a-z0-9_]+).*/'\2'/p" $(NAMED_IN) | sort -u | paste -s -d ,) \
		&& sed "s/@function_names@/$$names/" $(SQL_SOURCES) > $@

src/pg/driver.o src/pg/release.o: aggregation.control

# PGXS looks for them where they came from.
uninstall: uninstall_docs
.PHONY: uninstall_docs
uninstall_docs:
	rm -f $(addprefix '$(DESTDIR)$(docdir)/$(docmoduledir)'/,$(notdir $(DOCS)))

-include $(OBJS:.o=.d)

endif
