# mod_push: one Makefile for everything.  `make help` lists the targets.
#
# All that is built goes below $(B).  Each part of the tree has a fragment
# (build.mk) that adds its rules and appends to these lists:
#
#   ALL_TARGETS        what a plain `make` builds
#   UNIT_TESTS         test programs that need no server (seconds)
#   INTEGRATION_TESTS  test programs that start httpd with the module
#   PLAIN_TESTS        those of them that show more without a sanitizer
#   ALONE_TESTS        test programs that must not run beside others
#   LONG_TESTS         those that take longest, which begin first
#   JS_TESTS           files for node's test runner
#   BROWSER_TESTS      the same, with a headless Chromium
#   LINT_TARGETS       further targets of `make lint`
#   FORMAT_TARGETS     further targets of `make format`
#   INSTALL_TARGETS    further targets of `make install`
#   UNINSTALL_TARGETS  and of `make uninstall`
#   DEB_PACKAGES       Debian packages needed to build and test
#   NPM_STAMPS         stamp files whose rules run `npm ci`
#
# MODE=asan|tsan|coverage|failpoints builds into build/$(MODE) with the flags of
# that mode in SAN; WERROR=1 makes warnings errors; V=1 shows the commands.

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory

# ---- what the user may override -------------------------------------------

CC       = gcc
CFLAGS  ?= $(if $(MODE),-O1 -g,-O2 -g)
LDFLAGS ?=
MODE    ?=
WERROR  ?=
V       ?=
PREFIX  ?= /usr/local
DESTDIR ?=
LIBDIR  ?= $(PREFIX)/lib
LDCONFIG ?= /sbin/ldconfig
APXS    ?= apxs

# One number for the module, the SDKs and the packages.
VERSION := $(shell cat VERSION)

# Where a2enmod finds modules; empty where httpd is not Debian's.
MODS_AVAILABLE ?= $(wildcard $(SYSCONFDIR)/mods-available)

SAN_asan     := -fsanitize=address,undefined -fno-omit-frame-pointer \
                -fno-sanitize-recover=undefined
SAN_tsan     := -fsanitize=thread
SAN_coverage := --coverage
SAN_failpoints := -DPUSH_FAILPOINTS
SAN := $(SAN_$(MODE))
B   := build$(addprefix /,$(MODE))

CSTD := -std=gnu11
WARN := -Wall -Wextra -Wshadow -Wpointer-arith -Wformat=2 \
        -Wimplicit-fallthrough $(if $(WERROR),-Werror)
Q    := $(if $(V),,@)
say   = $(if $(V),,@printf '  %-6s %s\n' '$(1)' '$(2)')

# ---- what is on this machine ----------------------------------------------

# Empty where nothing is installed yet: `make deps` comes first there.
LIBEXECDIR   := $(shell $(APXS) -q LIBEXECDIR 2>/dev/null)
SYSCONFDIR   := $(shell $(APXS) -q SYSCONFDIR 2>/dev/null | tr -d ';')
APR_CFLAGS   := $(shell apr-1-config --cppflags --includes 2>/dev/null) \
                $(shell apu-1-config --includes 2>/dev/null)
APR_LIBS     := $(shell apu-1-config --link-ld --libs 2>/dev/null) \
                $(shell apr-1-config --link-ld --libs 2>/dev/null)
HTTPD_CFLAGS := $(shell $(APXS) -q CFLAGS 2>/dev/null) \
                -I$(shell $(APXS) -q INCLUDEDIR 2>/dev/null) $(APR_CFLAGS)
MODULE_PKGS  := jansson cjose libcrypto libssl lmdb hiredis libcurl zlib
PKG_CFLAGS   := $(shell pkg-config --cflags $(MODULE_PKGS) 2>/dev/null)
PKG_LIBS     := $(shell pkg-config --libs $(MODULE_PKGS) 2>/dev/null) -lm
CHECK_LIBS   := $(shell pkg-config --libs check 2>/dev/null)

# On a machine that has nothing yet, say so rather than fail on a header.
ifeq ($(LIBEXECDIR),)
ifneq ($(filter-out deps run test clean help,$(or $(MAKECMDGOALS),all)),)
$(error apxs was not found: run `make deps` as root, or install apache2-dev)
endif
endif

# `make run` needs these, `make test` all of DEB_PACKAGES.
RUN_PACKAGES := gcc libc6-dev pkg-config apache2-bin apache2-dev \
                apache2-ssl-dev curl \
                libjansson-dev libcjose-dev libssl-dev liblmdb-dev \
                libhiredis-dev libcurl4-openssl-dev zlib1g-dev
DEB_PACKAGES := $(RUN_PACKAGES) check valgrind clang-format-14 cppcheck \
                shellcheck

ALL_TARGETS := $(B)/mod_push.so
UNIT_TESTS        :=
INTEGRATION_TESTS :=
PLAIN_TESTS       :=
ALONE_TESTS       :=
LONG_TESTS        :=
JS_TESTS          :=
BROWSER_TESTS     :=
LINT_TARGETS      :=
FORMAT_TARGETS    :=
INSTALL_TARGETS   :=
UNINSTALL_TARGETS :=
NPM_STAMPS        :=

# ---- the module, floor by floor -------------------------------------------

# The core and the codecs are compiled without httpd's and APR's include
# directories, the store and the broker without httpd's, the Redis client
# without both: a forbidden include does not even compile.
objects     = $(patsubst %.c,$(B)/obj/%.o,$(sort $(wildcard $(1))))
CORE_OBJS  := $(call objects,mod_push/core/*.c mod_push/codec/*.c \
              mod_push/websocket/*.c mod_push/protobuf/*.c)
REDIS_OBJS := $(call objects,mod_push/redis/*.c)
LIBRARY_OBJS := $(call objects,mod_push/broker/library/*.c) \
                $(B)/obj/gen/library_text.o
STORE_OBJS := $(call objects,mod_push/store/*/*.c mod_push/broker/*.c \
              mod_push/feeds/*.c)
NODE_OBJS  := $(call objects,mod_push/outgoing/*.c \
              mod_push/broker/relay/*.c \
              mod_push/broker/node/*.c \
              mod_push/broker/views/*.c \
              mod_push/broker/cluster/*.c)
IDENTITY_OBJS := $(call objects,mod_push/http/identity/*.c)
RIM_OBJS   := $(filter-out $(IDENTITY_OBJS),$(call objects,mod_push/*.c \
              $(foreach d,server stream http triggers,mod_push/$(d)/*.c mod_push/$(d)/*/*.c)))

# $(call compile,FLAGS): one C file into one object, with its header list.
define compile
$(call say,CC,$<)
@mkdir -p $(@D)
$(Q)$(CC) $(CSTD) $(WARN) $(1) -Imod_push -fPIC \
	-fvisibility=$(or $(VISIBILITY),hidden) \
	-MMD -MP $(CFLAGS) $(SAN) -c -o $@ $<
endef

$(B)/obj/mod_push/core/%.o: mod_push/core/%.c
	$(call compile,)

$(B)/obj/mod_push/codec/%.o: mod_push/codec/%.c
	$(call compile,)

$(B)/obj/mod_push/websocket/%.o: mod_push/websocket/%.c
	$(call compile,)

$(B)/obj/mod_push/protobuf/%.o: mod_push/protobuf/%.c
	$(call compile,)

$(B)/obj/mod_push/redis/%.o: mod_push/redis/%.c
	$(call compile,-D_GNU_SOURCE $(PKG_CFLAGS))

$(B)/obj/mod_push/store/%.o: mod_push/store/%.c
	$(call compile,$(APR_CFLAGS) $(PKG_CFLAGS))

$(B)/obj/mod_push/broker/%.o: mod_push/broker/%.c
	$(call compile,$(APR_CFLAGS) $(PKG_CFLAGS))

$(B)/obj/mod_push/outgoing/%.o: mod_push/outgoing/%.c
	$(call compile,$(PKG_CFLAGS))

# Calls of the function library know neither APR nor httpd.
$(B)/obj/mod_push/broker/library/%.o: mod_push/broker/library/%.c
	$(call compile,$(PKG_CFLAGS))

# The library itself: these files, in this order, are one text.
LIBRARY_LUA := $(patsubst %,mod_push/broker/library/lua/%.lua,push tick inbox \
               log rate relay publish later tags follow device peer cluster register)
$(B)/gen/library_text.c: $(LIBRARY_LUA)
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q){ echo '#include "broker/library/library.h"'; \
		echo 'push_text_t push_library_text(void) {'; \
		echo 'static const char text[] ='; \
		sed -e 's/[\\"]/\\&/g' -e 's/^/"/' -e 's/$$/\\n"/' $^; \
		echo '; return (push_text_t){text, sizeof(text) - 1}; }'; } >$@

$(B)/obj/gen/library_text.o: $(B)/gen/library_text.c
	$(call compile,)

$(B)/obj/mod_push/feeds/%.o: mod_push/feeds/%.c
	$(call compile,$(APR_CFLAGS) $(PKG_CFLAGS))

# Tokens and what they allow: like the core, it knows neither httpd nor APR.
$(B)/obj/mod_push/http/identity/%.o: mod_push/http/identity/%.c
	$(call compile,-D_GNU_SOURCE $(PKG_CFLAGS))

# The module record is all that httpd sees; the hooks beside it are static.
$(B)/obj/mod_push/mod_push.o: VISIBILITY := default

# Where the dashboard is, unless PushDashboard says otherwise.
DASHBOARD := $(PREFIX)/share/mod_push/dashboard
$(B)/obj/mod_push/http/admin/pages.o: $(B)/dashboard-dir
$(B)/obj/mod_push/http/admin/pages.o: HTTPD_CFLAGS += \
	-DPUSH_DASHBOARD_DIR='"$(DASHBOARD)"'

$(B)/dashboard-dir: .FORCE
	@mkdir -p $(@D)
	@echo '$(DASHBOARD)' | cmp -s - $@ || echo '$(DASHBOARD)' >$@

.PHONY: .FORCE
.FORCE:

$(B)/obj/mod_push/%.o: mod_push/%.c
	$(call compile,$(HTTPD_CFLAGS) $(PKG_CFLAGS))

$(B)/mod_push.so: $(CORE_OBJS) $(REDIS_OBJS) $(LIBRARY_OBJS) $(STORE_OBJS) $(NODE_OBJS) $(IDENTITY_OBJS) $(RIM_OBJS)
	$(call say,LD,$@)
	$(Q)$(CC) -shared $(SAN) $(LDFLAGS) -Wl,-z,relro,-z,now,--as-needed \
		-o $@ $^ $(PKG_LIBS) -pthread

$(B)/libpush_core.a: $(CORE_OBJS)
$(B)/libpush_redis.a: $(REDIS_OBJS)
$(B)/libpush_library.a: $(LIBRARY_OBJS)
$(B)/libpush_store.a: $(STORE_OBJS)
$(B)/libpush_identity.a: $(IDENTITY_OBJS)
$(B)/libpush_core.a $(B)/libpush_redis.a $(B)/libpush_library.a \
$(B)/libpush_store.a $(B)/libpush_identity.a:
	$(call say,AR,$@)
	@mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcs $@ $^

# ---- unit tests of the module ---------------------------------------------

# test_core_*.c link the core and the codecs alone, test_store_*.c the store and APR too,
# test_stream_*.c also those parts of stream/ that know nothing of httpd;
# test_identity_*.c link http/identity, test_redis_*.c the Redis client,
# test_library_*.c the calls of the function library, and a real Redis.
# test_trigger_*.c what of triggers/ needs no httpd, test_hold_*.c the same of
# http/hold.
# test_crash_*.c need failpoints: they are built in that mode only, where they
# are the only tests.
# Other .c files of tests/unit are helpers: core_*.c are linked into all
# kinds of test, store_*.c into those of the store and of the streams, redis_*.c
# into those of the Redis client.
CORE_TESTS  := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/test_core_*.c))
STORE_TESTS := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/test_store_*.c))
STREAM_TESTS := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/test_stream_*.c))
REDIS_TESTS := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/test_redis_*.c))
LIBRARY_TESTS := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/test_library_*.c))
TRIGGER_TESTS := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/test_trigger_*.c))
HOLD_TESTS := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/test_hold_*.c))
IDENTITY_TESTS := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/test_identity_*.c))
CRASH_TESTS := $(patsubst %.c,build/failpoints/%,\
               $(wildcard tests/unit/test_crash_*.c))
# A shard whose lock it waits for in vain refuses: it counts on the processor.
ALONE_TESTS += build/failpoints/tests/unit/test_crash_points
UNIT_TESTS  += $(CORE_TESTS) $(STORE_TESTS) $(STREAM_TESTS) $(IDENTITY_TESTS) \
               $(REDIS_TESTS) $(LIBRARY_TESTS) $(TRIGGER_TESTS) $(HOLD_TESTS)
LONG_TESTS  += $(patsubst %,$(B)/tests/unit/test_%,redis_real store_wal \
                 store_damage library_model store_epoch core_codec)
CORE_HELPERS  := $(call objects,tests/unit/core_*.c)
STORE_HELPERS := $(call objects,tests/unit/store_*.c)

$(B)/obj/tests/unit/%.o: tests/unit/%.c
	$(call compile,-Itests \
		$(if $(filter-out core_% test_core_%,$(notdir $<)),$(APR_CFLAGS)) \
		$(if $(or $(findstring identity_,$<),$(findstring \
		/redis_,$<),$(findstring test_redis_,$<)),-D_GNU_SOURCE \
		-Itests/harness))

# Replayed by a unit test, see tests/unit/test_identity_corpus.c.
$(B)/obj/tests/fuzz/%.o: tests/fuzz/%.c
	$(call compile,-D_GNU_SOURCE -Itests $(PKG_CFLAGS))

# Pure, though it lives beside handlers.
$(B)/tests/unit/test_core_exposition: $(B)/obj/mod_push/http/admin/exposition.o

$(CORE_TESTS): $(B)/%: $(B)/obj/%.o $(CORE_HELPERS) $(B)/libpush_core.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ -Wl,--as-needed $(CHECK_LIBS) \
		$(PKG_LIBS) -pthread

$(STORE_TESTS) $(if $(filter failpoints,$(MODE)),$(CRASH_TESTS)): $(B)/%: $(B)/obj/%.o $(CORE_HELPERS) $(STORE_HELPERS) \
		$(B)/libpush_store.a $(B)/libpush_core.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ -Wl,--as-needed $(CHECK_LIBS) \
		$(APR_LIBS) $(PKG_LIBS) -pthread

# Rules and matching: expressions are httpd's, and a test brings its own.
$(B)/obj/tests/unit/test_trigger_%.o: tests/unit/test_trigger_%.c
	$(call compile,-Itests $(HTTPD_CFLAGS) $(PKG_CFLAGS))

TRIGGER_OBJS := $(addprefix $(B)/obj/mod_push/triggers/,event.o errand.o \
                template.o types.o cron.o)
$(B)/tests/unit/test_trigger_take: $(B)/obj/mod_push/triggers/triggers.o

# What httpd brings else, the fuzzers have.
$(B)/obj/tests/unit/test_hold_%.o: tests/unit/test_hold_%.c
	$(call compile,-Itests $(HTTPD_CFLAGS) $(PKG_CFLAGS))
$(B)/obj/tests/fuzz/httpd_stand_in.o: tests/fuzz/httpd_stand_in.c
	$(call compile,-D_GNU_SOURCE $(HTTPD_CFLAGS) $(PKG_CFLAGS))

$(HOLD_TESTS): $(B)/%: $(B)/obj/%.o $(B)/obj/tests/unit/core_suite.o \
		$(B)/obj/tests/fuzz/httpd_stand_in.o \
		$(addprefix $(B)/obj/mod_push/http/,hold/asked.o hold/grip.o \
		hold/instruct.o capture/taken.o identity/base64url.o json.o params.o \
		problem.o verbatim.o) $(B)/libpush_core.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ -Wl,--as-needed $(CHECK_LIBS) \
		$(APR_LIBS) $(PKG_LIBS) -pthread

$(TRIGGER_TESTS): $(B)/%: $(B)/obj/%.o $(CORE_HELPERS) $(TRIGGER_OBJS) \
		$(B)/libpush_store.a $(B)/libpush_core.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $(filter %.o,$^) \
		$(filter %.a,$^) -Wl,--as-needed $(CHECK_LIBS) \
		$(APR_LIBS) $(PKG_LIBS) -pthread

# They speak with a fake Redis and with real ones, which are the harness's.
REDIS_HELPERS := $(call objects,tests/harness/*.c tests/unit/redis_*.c)

$(REDIS_TESTS): $(B)/%: $(B)/obj/%.o $(REDIS_HELPERS) $(B)/libpush_redis.a \
		$(B)/libpush_core.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ -Wl,--as-needed $(CHECK_LIBS) \
		$(PKG_LIBS) -pthread

# One unloads the resolver while that waits for this program's getaddrinfo().
$(B)/tests/unit/resolver.so: $(addprefix mod_push/redis/,resolver.c thread.c)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CSTD) $(WARN) $(SAN) -D_GNU_SOURCE -Imod_push -fPIC \
		-shared $(CFLAGS) -o $@ $^

$(B)/tests/unit/test_redis_resolver: | $(B)/tests/unit/resolver.so
$(B)/tests/unit/test_redis_resolver: LDFLAGS += -rdynamic

# Parts of a node, without httpd; the harness brings the Redis.
NODE_HELPERS := $(STORE_HELPERS) $(B)/obj/tests/unit/library_kit.o \
	$(call objects,tests/harness/*.c)
NODE_TESTS := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/test_node_*.c))
UNIT_TESTS += $(NODE_TESTS)
$(NODE_TESTS): $(B)/%: $(B)/obj/%.o $(CORE_HELPERS) $(NODE_OBJS) \
		$(NODE_HELPERS) $(B)/libpush_library.a $(B)/libpush_store.a \
		$(B)/libpush_redis.a $(B)/libpush_core.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ -Wl,--as-needed $(CHECK_LIBS) \
		$(IT_LIBS) $(PKG_LIBS) $(APR_LIBS) -pthread

# The harness brings the Redis.
LIBRARY_HELPERS := $(call objects,tests/unit/library_*.c)
$(LIBRARY_TESTS): $(B)/%: $(B)/obj/%.o $(LIBRARY_HELPERS) \
		$(call objects,tests/harness/*.c) \
		$(B)/libpush_library.a $(B)/libpush_redis.a $(B)/libpush_core.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(CHECK_LIBS) $(IT_LIBS) \
		$(PKG_LIBS) -pthread

STREAM_PARTS := $(call objects,mod_push/stream/*/*.c)

$(STREAM_TESTS): $(B)/%: $(B)/obj/%.o $(STREAM_PARTS) $(CORE_HELPERS) \
		$(STORE_HELPERS) $(B)/libpush_store.a $(B)/libpush_core.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ -Wl,--as-needed $(CHECK_LIBS) \
		$(APR_LIBS) $(PKG_LIBS) -pthread

$(IDENTITY_TESTS): $(B)/%: $(B)/obj/%.o $(CORE_HELPERS) \
		$(B)/obj/tests/harness/jws.o $(B)/obj/tests/fuzz/fuzz_jwt.o \
		$(B)/libpush_identity.a $(B)/libpush_core.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ -Wl,--as-needed $(CHECK_LIBS) \
		$(PKG_LIBS) -pthread

# ---- the other parts ------------------------------------------------------

-include mod_push/import/build.mk mod_push/sources/build.mk sdk-c/build.mk sdk-js/build.mk
-include tests/bench/build.mk tests/integration/build.mk tests/chaos/build.mk
-include tests/browser/build.mk tests/simulation/build.mk
-include tests/monitoring/build.mk
-include conf/build.mk

DEPFILES := $(CORE_OBJS:.o=.d) $(REDIS_OBJS:.o=.d) $(STORE_OBJS:.o=.d) $(NODE_OBJS:.o=.d) $(RIM_OBJS:.o=.d) \
            $(IDENTITY_OBJS:.o=.d) $(IDENTITY_TESTS:$(B)/%=$(B)/obj/%.d) \
            $(CORE_TESTS:$(B)/%=$(B)/obj/%.d) \
            $(REDIS_TESTS:$(B)/%=$(B)/obj/%.d) \
            $(NODE_TESTS:$(B)/%=$(B)/obj/%.d) \
            $(LIBRARY_OBJS:.o=.d) $(LIBRARY_TESTS:$(B)/%=$(B)/obj/%.d) \
            $(LIBRARY_HELPERS:.o=.d) \
            $(STORE_TESTS:$(B)/%=$(B)/obj/%.d) \
            $(STREAM_TESTS:$(B)/%=$(B)/obj/%.d) \
            $(patsubst %.c,$(B)/obj/%.d,$(wildcard tests/unit/test_crash_*.c)) \
            $(CORE_HELPERS:.o=.d) $(STORE_HELPERS:.o=.d) \
            $(REDIS_HELPERS:.o=.d)
-include $(DEPFILES)

# ---- targets --------------------------------------------------------------

export PUSH_MODULE = $(abspath $(B)/mod_push.so)
export PUSH_BUILD  = $(abspath $(B))

# Suites wait more than they work, so four of them share the machine, except
# for those that must not; of those with a browser two do.  Groups of suites run
# one after the other.
SUITE_JOBS ?= 4
export SUITE_JOBS

suites = $(filter $(LONG_TESTS),$(1)) \
         $(filter-out $(LONG_TESTS) $(ALONE_TESTS),$(1)) \
         --alone $(filter $(ALONE_TESTS),$(1))

NODE_TEST := timeout 1200 node --test --test-reporter=spec
node_suites = $(foreach f,$(1),'$(NODE_TEST) $(f)')

.PHONY: all
all: $(ALL_TARGETS) ## build the module, the SDKs and the tools (the default)

.PHONY: deps
deps: ## install the Debian packages that are missing (needs root)
	@.ci/deps $(sort $(DEB_PACKAGES))

.PHONY: run
run: ## build, and run the demo on http://127.0.0.1:8080/ (PORT=8080)
	@.ci/deps $(sort $(RUN_PACKAGES))
	@$(MAKE) $(B)/mod_push.so uplot
	@PUSH_MODULE='$(PUSH_MODULE)' conf/run

.PHONY: run-cluster
run-cluster: ## build, and run three nodes on six redis-servers, to kill them (PORT=8080)
	@.ci/deps $(sort $(RUN_PACKAGES) redis-server redis-tools \
		libcurl4-openssl-dev)
	@$(MAKE) $(B)/mod_push.so $(B)/push-sub $(B)/push-pub uplot
	@PUSH_MODULE='$(PUSH_MODULE)' PUSH_BUILD='$(PUSH_BUILD)' conf/cluster/run

# Two compilations at a time, unless the user said how many.
JOBS = $(if $(filter -j%,$(MAKEFLAGS)),,-j2)

.PHONY: test
test: deps ## install what is missing, build and test everything
	@$(MAKE) $(JOBS) all test-programs $(NPM_STAMPS)
	@$(MAKE) $(JOBS) MODE=asan test-programs
	@$(MAKE) $(JOBS) MODE=tsan thread-programs
	@tests/run --alone '$(MAKE) lint' '$(MAKE) check' '$(MAKE) valgrind' \
		'$(MAKE) check-plain' '$(MAKE) asan' '$(MAKE) check-threads' \
		'$(MAKE) check-packages-short' \
		$(if $(MONITORING_TESTS),'$(MAKE) check-monitoring') \
		$(if $(JS_TESTS),'$(MAKE) check-js') \
		$(if $(BROWSER_TESTS),'$(MAKE) check-browser')

.PHONY: test-programs
test-programs: $(B)/mod_push.so $(UNIT_TESTS) $(INTEGRATION_TESTS) crash-tests

.PHONY: check
check: $(UNIT_TESTS) crash-tests ## unit tests (seconds)
	@tests/run $(call suites,$(UNIT_TESTS) $(if $(MODE),,$(CRASH_TESTS)))

.PHONY: crash-tests
crash-tests: # test programs that die at every failpoint
	$(if $(MODE),,@$(MAKE) MODE=failpoints $(CRASH_TESTS))

.PHONY: check-integration
check-integration: $(B)/mod_push.so $(INTEGRATION_TESTS) ## tests against a real httpd
	@tests/run $(call suites,$(INTEGRATION_TESTS))

# All of them run under ASan too, which `make test` does; what is not here would
# show the same twice.
.PHONY: check-plain
check-plain: $(B)/mod_push.so $(INTEGRATION_TESTS) ## those of them that show more without a sanitizer
	@tests/run $(call suites,$(PLAIN_TESTS))

.PHONY: check-js
check-js: $(B)/mod_push.so $(B)/push-checker $(NPM_STAMPS) ## tests of the JavaScript SDK in Node
	@tests/run $(call node_suites,$(JS_TESTS))

.PHONY: check-browser
check-browser: $(B)/mod_push.so $(NPM_STAMPS) ## tests in a headless Chromium
	@SUITE_JOBS=2 tests/run $(call node_suites,$(BROWSER_TESTS))

# httpd is not instrumented: the harness preloads libasan where PUSH_ASAN=1.
ifeq ($(MODE),asan)
export PUSH_ASAN := 1
endif

.PHONY: asan
asan: ## unit and integration tests under ASan and UBSan
	@$(MAKE) $(JOBS) MODE=asan test-programs
	@tests/run --alone '$(MAKE) MODE=asan check' \
		'$(MAKE) MODE=asan check-integration'

# ThreadSanitizer's deadlock detector fails at 64 locks, and a recount has all
# shards locked.  Left out: what kills processes, as it sees one process only.
ifeq ($(MODE),tsan)
export TSAN_OPTIONS := detect_deadlocks=0
UNIT_TESTS := $(filter-out %/test_store_chaos,$(UNIT_TESTS))
endif

.PHONY: tsan
tsan: ## unit tests under ThreadSanitizer
	@$(MAKE) $(JOBS) MODE=tsan check

# Those unit tests that have threads.
THREAD_TESTS := $(patsubst %,$(B)/tests/unit/test_%,core_ids core_log \
                  redis_courier redis_lots store_disk store_threads) \
                $(B)/sdk-c/test_threads

.PHONY: thread-programs
thread-programs: $(THREAD_TESTS)

.PHONY: check-threads
check-threads: $(if $(MODE),$(THREAD_TESTS)) ## tests with threads, under ThreadSanitizer (a minute)
	$(if $(MODE),@tests/run --alone $(THREAD_TESTS),@$(MAKE) $(JOBS) MODE=tsan $@)

VALGRIND := valgrind -q --error-exitcode=99 --leak-check=full \
            --errors-for-leak-kinds=definite,indirect

.PHONY: valgrind
valgrind: $(CORE_TESTS) ## unit tests of the core under valgrind
	@CK_FORK=no CK_TIMEOUT_MULTIPLIER=20 tests/run \
		$(foreach t,$(CORE_TESTS),'$(VALGRIND) $(t)')

.PHONY: lint
lint: $(B)/mod_push.so ## layers, layout, sizes, registrations, static checks
	@CC='$(CC)' MODULE_CFLAGS='$(HTTPD_CFLAGS) $(PKG_CFLAGS)' \
		tests/lint/run $(foreach t,$(LINT_TARGETS),'$(MAKE) $(t)')

.PHONY: format
format: $(FORMAT_TARGETS) ## lay out C files as .clang-format says (DIRS=mod_push)
	@find $(or $(DIRS),mod_push sdk-c tests) -name node_modules -prune -o \
		-name '*.[ch]' -print0 2>/dev/null | xargs -0 -r clang-format-14 -i

.PHONY: reference
reference: ## make docs/directives.md and conf/mod_push.xml from conf/push.conf
	@conf/reference md >docs/directives.md
	@conf/reference xml >conf/mod_push.xml

# What cannot read the file VERSION when it is built or run has a copy of it.
STAMP := sed -i -E
.PHONY: version
version: ## write the number in the file VERSION to all that has a copy of it
	$(Q)$(STAMP) 's/(define PUSHC?_VERSION ")[^"]*/\1$(VERSION)/' \
		mod_push/server/version.h sdk-c/include/pushc.h
	$(Q)$(STAMP) '1s/(^.TH .*libpushc )[^"]*/\1$(VERSION)/' sdk-c/man/*.[13]
	$(Q)$(STAMP) "s,('mod-push-client/)[^']*,\1$(VERSION)," \
		sdk-js/src/settings.js
	$(Q)$(STAMP) '1,/"version"/s/("version": ")[^"]*/\1$(VERSION)/' \
		sdk-js/package.json sdk-js/package-lock.json
	$(Q)$(STAMP) '/"": \{/,/"version"/s/("version": ")[^"]*/\1$(VERSION)/' \
		sdk-js/package-lock.json

.PHONY: floors
floors: ## draw which folder may include which (docs/floors.svg)
	@tests/lint/draw_floors >docs/floors.svg

.PHONY: coverage
coverage: ## line coverage of unit and integration tests (needs gcovr)
	@.ci/deps gcovr
	@find build/coverage -name '*.gcda' -delete 2>/dev/null || true
	@$(MAKE) MODE=coverage check check-integration
	@gcovr --root . --object-directory build/coverage \
		--filter mod_push/ --filter sdk-c/src/ --print-summary \
		--html-details build/coverage/index.html
	@echo 'the report: build/coverage/index.html'

.PHONY: install
install: $(B)/mod_push.so $(INSTALL_TARGETS) ## install the module, the SDKs, the tools and their pages
	install -d '$(DESTDIR)$(LIBEXECDIR)' '$(DESTDIR)$(PREFIX)/share/mod_push'
	install -m 644 $(B)/mod_push.so '$(DESTDIR)$(LIBEXECDIR)/mod_push.so'
	cp -R conf/examples conf/systemd conf/monitoring docs/ramen_v3.proto \
		'$(DESTDIR)$(PREFIX)/share/mod_push/'
	chmod -R a+rX '$(DESTDIR)$(PREFIX)/share/mod_push'
	@if [ -n '$(MODS_AVAILABLE)' ]; then \
		set -x; \
		install -d '$(DESTDIR)$(MODS_AVAILABLE)' \
			'$(DESTDIR)$(SYSCONFDIR)/push.d'; \
		install -m 644 conf/push.load conf/push.conf \
			'$(DESTDIR)$(MODS_AVAILABLE)/'; \
	else \
		echo "add to httpd.conf: LoadModule push_module $(LIBEXECDIR)/mod_push.so"; \
	fi

# What is enabled stays: without its file httpd would not start again.
.PHONY: uninstall
uninstall: ## remove all that `make install` has installed
	@[ ! -e '$(DESTDIR)$(SYSCONFDIR)/mods-enabled/push.load' ] || { \
		echo 'the module is enabled: a2dismod push, and restart httpd'; \
		exit 1; }
	@$(MAKE) $(UNINSTALL_TARGETS)
	rm -f '$(DESTDIR)$(LIBEXECDIR)/mod_push.so'
	rm -rf '$(DESTDIR)$(PREFIX)/share/mod_push'
	@if [ -n '$(MODS_AVAILABLE)' ]; then \
		cd '$(DESTDIR)$(MODS_AVAILABLE)' 2>/dev/null || exit 0; \
		if cmp -s push.conf '$(CURDIR)/conf/push.conf'; then \
			rm -f push.conf; \
		elif [ -e push.conf ]; then \
			echo 'push.conf was changed, and stays'; \
		fi; \
		rm -f push.load; \
		rmdir ../push.d 2>/dev/null || true; \
	fi

.PHONY: clean
clean: ## remove all that was built
	rm -rf build

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z][a-z-]*\):[^#]*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) \
		| sort -u | awk -F'|' '{ printf "  %-18s %s\n", $$1, $$2 }'
	@printf '\n'; printf '  %-18s %s\n' \
		'PREFIX=$(PREFIX)' 'where install puts what is not the module' \
		'LIBDIR=DIR' 'where the libraries go: $(LIBDIR)' \
		'DESTDIR=DIR' 'before every path, to make a package' \
		'V=1' 'show the commands'
