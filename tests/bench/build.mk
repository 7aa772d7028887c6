# pushbench, the load generator, and the comparison with nchan.

# Only the comparison needs nginx, whose package starts a server on port 80.
DEB_PACKAGES   += check libssl-dev openssl
BENCH_PACKAGES := nginx libnginx-mod-nchan

BENCH_TESTS := $(B)/tests/bench/test_pushbench \
               $(B)/tests/bench/test_pushbench_wire

ALL_TARGETS  += $(B)/pushbench $(B)/durablebench $(B)/slowsync.so \
                $(B)/timingbench
UNIT_TESTS   += $(BENCH_TESTS)

BENCH_OBJS := $(call objects,tests/bench/pushbench*.c)

# Of the kit of all tests: how answers and events are read.
BENCH_KIT := $(call objects,tests/harness/reply.c tests/harness/sse.c)
TIMINGBENCH_OBJ := $(B)/obj/tests/bench/timingbench.o
DURABLEBENCH_OBJ := $(B)/obj/tests/bench/durablebench.o
SLOWSYNC_OBJ := $(B)/obj/tests/bench/slowsync.o
BENCH_TEST_OBJS := $(BENCH_TESTS:$(B)/%=$(B)/obj/%.o)

$(BENCH_OBJS) $(BENCH_TEST_OBJS) $(DURABLEBENCH_OBJ) $(SLOWSYNC_OBJ) \
		$(TIMINGBENCH_OBJ): $(B)/obj/%.o: %.c
	$(call compile,-D_GNU_SOURCE -Itests/harness $(BENCH_CFLAGS))

# Counting events is a loop over bytes that has to become vector code.
$(B)/obj/tests/bench/pushbench_sse.o: BENCH_CFLAGS := \
	-ftree-vectorize -fvect-cost-model=dynamic

$(B)/pushbench: $(BENCH_OBJS) $(BENCH_KIT)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ -lssl -lcrypto -lm

$(B)/slowsync.so: $(SLOWSYNC_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) -shared $(LDFLAGS) -o $@ $^ -ldl

$(B)/durablebench: $(DURABLEBENCH_OBJ)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ -pthread

$(B)/timingbench: $(TIMINGBENCH_OBJ) \
		$(filter %_net.o %_rank.o,$(BENCH_OBJS)) $(BENCH_KIT)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ -lm

$(BENCH_TESTS): $(B)/%: $(B)/obj/%.o \
		$(filter-out %/pushbench.o,$(BENCH_OBJS)) $(BENCH_KIT)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(CHECK_LIBS) -lssl -lcrypto -lm

-include $(TIMINGBENCH_OBJ:.o=.d) $(DURABLEBENCH_OBJ:.o=.d) $(BENCH_OBJS:.o=.d) $(BENCH_TEST_OBJS:.o=.d)

.PHONY: bench
bench: $(B)/mod_push.so $(B)/pushbench $(B)/durablebench $(B)/slowsync.so ## mod_push beside nchan and the limit, 8 minutes (BENCH_QUICK=1: 90 s)
	@.ci/deps $(BENCH_PACKAGES)
	@PUSHBENCH='$(B)/pushbench' tests/bench/bench
	@DURABLEBENCH='$(B)/durablebench' SLOWSYNC='$(B)/slowsync.so' tests/bench/durable

.PHONY: bench-cluster
bench-cluster: $(B)/mod_push.so $(B)/pushbench ## 1, 2 and 3 nodes on one redis-server, beside nchan (4 minutes; BENCH_QUICK=1: 1)
	@.ci/deps $(BENCH_PACKAGES) redis-server redis-tools curl
	@PUSHBENCH='$(B)/pushbench' tests/bench/cluster

.PHONY: bench-scale
bench-scale: $(B)/mod_push.so $(B)/pushbench ## cost of a delivery up to 100,000 mailboxes, and 100,000 streams held (4 minutes)
	@PUSHBENCH='$(B)/pushbench' tests/bench/scale delivery hold

.PHONY: bench-poll
bench-poll: $(B)/mod_push.so $(B)/pushbench ## 10,000 who follow a board that one trigger polls (90 s)
	@PUSHBENCH='$(B)/pushbench' tests/bench/scale poll

.PHONY: bench-sources
bench-sources: $(B)/mod_push.so $(SOURCE_MODULES) ## lines a second from Redis and PostgreSQL, beside HTTP (4 minutes)
	@.ci/deps redis-server redis-tools postgresql curl
	@PUSH_MODULE='$(B)/mod_push.so' tests/bench/sources

.PHONY: bench-triggers
bench-triggers: $(B)/mod_push.so $(B)/pushbench ## what rules cost an event, and pulls a second (a minute)
	@.ci/deps curl
	@PUSHBENCH='$(B)/pushbench' tests/bench/scale triggers

.PHONY: bench-timing
bench-timing: $(B)/mod_push.so $(B)/timingbench ## whether times of answers tell who exists (TIMING_COUNT=5000; a minute)
	@TIMINGBENCH='$(B)/timingbench' tests/bench/timing

# A process has 20,000 descriptors here: 57 children and 56 clients.  The event
# MPM wakes all of the children for each connection, worker one.
.PHONY: bench-million
bench-million: $(B)/mod_push.so $(B)/pushbench ## 1,000,000 streams held (6 minutes, 12 GB of memory)
	@export SCALE_MPM=worker SCALE_HEARTBEAT=60; \
	SCALE_STREAMS=$${SCALE_STREAMS:-1000000} SCALE_SECONDS=$${SCALE_SECONDS:-130} \
		PUSHBENCH='$(B)/pushbench' tests/bench/scale hold
