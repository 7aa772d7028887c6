# The module on a real httpd: tests/harness and tests/integration.
# Every test_NAME.c is a program of its own, linked with the whole harness;
# what is no test is linked into those that name it below.

DEB_PACKAGES += check libjansson-dev libssl-dev openssl apache2-bin \
                libnghttp2-dev redis-server libhiredis-dev haproxy

HARNESS_OBJS := $(call objects,tests/harness/*.c)
IT_OBJS := $(call objects,tests/integration/*.c)
IT_TESTS := $(patsubst %.c,$(B)/%,$(wildcard tests/integration/test_*.c))

# What is about the harness alone shows nothing of the module to a sanitizer.
INTEGRATION_TESTS += $(if $(filter asan,$(MODE)),$(filter-out \
                       %/test_harness,$(IT_TESTS)),$(IT_TESTS))
LONG_TESTS += $(patsubst %,$(B)/tests/integration/test_%,cluster_node \
                cluster_relay cluster_patience cluster_devices delivery \
                durable proxy state tls)

# It holds the server to the 10 s within which an upgrade serves.
ALONE_TESTS += $(B)/tests/integration/test_upgrade

# A sanitizer changes what these are about: figures of memory (delivery, tls,
# http2_ends), of time (flood), descriptors (config, limits), how processes end,
# begin and take over (crash, harness, interrupted, migration, restart,
# upgrade), and all together (soak).
PLAIN_TESTS += $(patsubst %,$(B)/tests/integration/test_%,config crash \
                 delivery flood harness http2_ends interrupted limits \
                 metrics migration restart soak tls upgrade)

$(HARNESS_OBJS) $(IT_OBJS): $(B)/obj/%.o: %.c
	$(call compile,-D_GNU_SOURCE -Itests/harness)

$(IT_TESTS): $(B)/%: $(B)/obj/%.o $(HARNESS_OBJS) | $(B)/push-checker
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(CHECK_LIBS) $(IT_LIBS) \
		-ljansson -lhiredis -lssl -lcrypto -pthread

H2_TESTS := $(B)/tests/integration/test_http2 \
            $(B)/tests/integration/test_http2_ends \
            $(B)/tests/integration/test_capture \
            $(B)/tests/integration/test_capture_ways \
            $(B)/tests/integration/test_grip \
            $(B)/tests/integration/test_poll_wait

$(H2_TESTS): $(call objects,tests/integration/h2*.c)
$(H2_TESTS): IT_LIBS := -lnghttp2

# Proxies to put in front of httpd, for all modes; and what they link to.
DEB_PACKAGES += liblua5.3-0 libopentracing-c-wrapper0 libsystemd0 \
                libvarnishapi3 libjemalloc2 libedit2 libncursesw6 \
                libpcre2-8-0

export PUSH_PROXIES = $(abspath build/proxies)

build/proxies/fetched: tests/integration/fetch-proxies
	$(call say,GET,$(@D))
	$(Q)$< $(@D)

$(B)/tests/integration/test_explain: $(B)/obj/tests/integration/causes.o

# A foreign client is python3-websockets, and protoc makes what it says.
DEB_PACKAGES += python3 python3-websockets python3-protobuf protobuf-compiler
$(B)/tests/integration/test_websocket: $(B)/obj/tests/integration/websocket.o

$(B)/tests/integration/test_proxy: $(B)/obj/tests/integration/proxies.o \
		| build/proxies/fetched

# Prometheus's own reader judges the figures (tests/monitoring).
$(B)/tests/integration/test_metrics: $(B)/obj/tests/integration/scrape.o \
		| $(B)/promtool

$(B)/tests/integration/test_events: $(B)/obj/tests/integration/scrape.o

# What users of Debian enable modules with.
$(B)/a2enmod: tests/integration/fetch-a2enmod
	$(call say,GET,$@)
	$(Q)$< $@

$(B)/tests/integration/test_config: | $(B)/a2enmod

# What holds the start of a server at one step, and what kills a child at a call.
$(B)/tests/integration/holdstart.so $(B)/tests/integration/dieatcall.so: \
		$(B)/tests/integration/%.so: tests/integration/preload/%.c
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CSTD) $(WARN) -D_GNU_SOURCE -fPIC -shared $(CFLAGS) -o $@ $<

$(B)/tests/integration/test_interrupted: \
		| $(B)/tests/integration/holdstart.so
$(B)/tests/integration/test_cluster_ends: \
		| $(B)/tests/integration/dieatcall.so

-include $(HARNESS_OBJS:.o=.d) $(IT_OBJS:.o=.d)

# The module with another layout of the shared memory, of which these floors
# know nothing.
SAME_FLOORS := $(patsubst %,mod_push/%,core codec redis broker/library \
                 http/identity)
$(B)/relayout/mod_push.so: $(B)/mod_push.so
	@mkdir -p $(B)/relayout/obj
	$(Q)cd $(B)/obj && cp -alf --parents $(SAME_FLOORS) ../relayout/obj
	$(Q)$(MAKE) B='$(B)/relayout' \
		CFLAGS='$(CFLAGS) -DPUSH_SEGMENT_SPARE=64' $@

$(B)/tests/integration/test_upgrade: | $(B)/relayout/mod_push.so

# It has its journal judged.
$(B)/tests/integration/test_crash: | $(B)/push-checker

POLL_TESTS := $(B)/tests/integration/test_meta \
              $(B)/tests/integration/test_poll \
              $(B)/tests/integration/test_poll_wait

$(POLL_TESTS): $(B)/obj/tests/integration/poll.o

# Another region, which answers as the test says.
$(B)/tests/integration/test_cluster_relay: $(B)/obj/tests/integration/farside.o

FEED_TESTS := $(B)/tests/integration/test_bulk \
              $(B)/tests/integration/test_publishers

$(FEED_TESTS): $(B)/obj/tests/integration/feed.o

# What the guides tell to type: the tools are the build's own.
$(B)/tests/integration/test_guides: $(B)/obj/tests/integration/guide.o \
		| $(PUSHC_TOOLS)

# Applications for httpd to capture: Node, PHP in two ways, CGI.
DEB_PACKAGES += nodejs libacl1 libapparmor1 libargon2-1 libsodium23 libxml2

export PUSH_PHP = $(abspath build/php)

build/php/fetched: tests/integration/fetch-php
	$(call say,GET,$(@D))
	$(Q)$< $(@D)

$(B)/tests/integration/test_capture $(B)/tests/integration/test_capture_ways \
		$(B)/tests/integration/test_hold $(B)/tests/integration/test_grip: \
		$(B)/obj/tests/integration/apps.o | build/php/fetched

# A library of GRIP and a framework, for one of them.
DEB_PACKAGES += npm
GRIP_APP := tests/integration/apps/grip
NPM_STAMPS += $(GRIP_APP)/node_modules/.stamp

$(GRIP_APP)/node_modules/.stamp: $(GRIP_APP)/package-lock.json
	$(call say,NPM,$(GRIP_APP))
	$(Q)cd $(GRIP_APP) && npm ci --no-audit --no-fund --silent
	@touch $@

$(B)/tests/integration/test_grip: | $(GRIP_APP)/node_modules/.stamp

# An application's server, which answers as the test says.
TRIGGER_ITS := $(patsubst %,$(B)/tests/integration/test_%,triggers \
                 cluster_triggers trigger_queue trigger_own trigger_ends \
                 trigger_kills shared_poll positions)

$(TRIGGER_ITS): $(B)/obj/tests/integration/backend.o
$(B)/tests/integration/test_trigger_queue: \
		$(B)/obj/tests/integration/scrape.o

# Sources of messages, each a module of its own.
$(B)/tests/integration/test_source_redis: \
		$(B)/obj/tests/integration/scrape.o | $(B)/mod_push_redis_source.so

# Their own PostgreSQL, too.
$(B)/tests/integration/test_source_postgres: \
		$(B)/obj/tests/integration/scrape.o \
		$(B)/obj/tests/integration/postgres.o \
		| $(B)/mod_push_postgres_source.so
$(B)/tests/integration/test_source_postgres: IT_LIBS := -lpq
