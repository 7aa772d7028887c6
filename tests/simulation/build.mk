# The simulation: the server's broker, store and streams, and the pure parts of
# the C SDK, under a seeded scheduler of faults.  See sim.h.

SIM_OBJS  := $(call objects,tests/simulation/*.c)
SIM_PUSHC := $(patsubst %,$(B)/obj/sdk-c/src/%.o,parser session records \
               message base64 list mem)

# link.c stands for tcp.c, migrant.c for migration.c; of these functions probe.c has a second one, which
# whoever calls them gets.
SIM_STREAM := $(filter-out %/tcp.o %/migration.o,$(STREAM_PARTS))
SIM_PROBED := push_clock_now push_clock_us push_slab_alloc push_store_publish \
              push_store_key_claim push_seat_wake_device \
              push_store_next_gen push_delivery_begin push_delivery_cut push_session_ack \
              push_store_ack push_session_resume push_session_received

UNIT_TESTS += $(B)/tests/simulation/test_simulation
LONG_TESTS += $(patsubst %,$(B)/tests/simulation/test_%,cluster_simulation \
                simulation)

$(B)/obj/tests/simulation/%.o: tests/simulation/%.c
	$(call compile,-D_GNU_SOURCE -Itests -Isdk-c/include -Isdk-c/src)

$(B)/tests/simulation/test_simulation: $(SIM_OBJS) \
		$(B)/obj/tests/unit/core_suite.o $(CHECKER_OBJS) $(SIM_PUSHC) \
		$(SIM_STREAM) $(B)/libpush_store.a $(B)/libpush_core.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SAN) $(LDFLAGS) $(patsubst %,-Xlinker --wrap=%,$(SIM_PROBED)) \
		-o $@ $^ -Wl,--as-needed $(CHECK_LIBS) $(APR_LIBS) $(PKG_LIBS) \
		-ljansson -pthread

.PHONY: simulation
simulation: $(B)/tests/simulation/test_simulation ## run SEEDS=100000 seeds of faults, or SEED=n alone
	@SIM_SEED=$(SEED) SIM_SEEDS=$(or $(SEEDS),100000) \
		CK_RUN_CASE=seeds CK_TIMEOUT_MULTIPLIER=100 \
		tests/run --alone $<

-include $(SIM_OBJS:.o=.d)

# ---- several nodes --------------------------------------------------------
# See cluster/world.h.  wire.c stands for redis/courier.c, client.c and
# wakes.c, which are not linked; of these functions threads.c and probe.c have
# a second one.

CS_OBJS   := $(call objects,tests/simulation/cluster/*.c)
CS_MODEL  := $(patsubst %,$(B)/obj/tests/simulation/cluster/%.o,\
             library_model library_model_devices library_model_later \
             library_model_tags)
CS_PROBED := clock_gettime pthread_cond_clockwait pthread_cond_signal \
             nanosleep poll syscall push_redis_now push_store_apply \
             push_session_resume push_copy_now
CS_FOR_MANY := -DMODEL_OWNERS=24 -DMODEL_KEYS=96 -DMODEL_QUEUE=200

UNIT_TESTS += $(B)/tests/simulation/test_cluster_simulation

$(CS_OBJS): $(B)/obj/tests/simulation/cluster/%.o: tests/simulation/cluster/%.c
	$(call compile,-D_GNU_SOURCE -Itests $(CS_FOR_MANY))

$(CS_MODEL): $(B)/obj/tests/simulation/cluster/%.o: tests/harness/%.c
	$(call compile,-D_GNU_SOURCE -Itests $(CS_FOR_MANY))

$(B)/tests/simulation/test_cluster_simulation: $(CS_OBJS) $(CS_MODEL) \
		$(B)/obj/tests/unit/core_suite.o $(B)/obj/tests/harness/keep.o \
		$(NODE_OBJS) $(B)/libpush_library.a $(B)/libpush_store.a \
		$(B)/libpush_redis.a $(B)/libpush_core.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SAN) $(LDFLAGS) $(patsubst %,-Xlinker --wrap=%,$(CS_PROBED)) \
		-o $@ $^ -Wl,--as-needed $(CHECK_LIBS) $(APR_LIBS) $(PKG_LIBS) \
		-pthread

.PHONY: cluster-simulation
cluster-simulation: $(B)/tests/simulation/test_cluster_simulation ## the same of several nodes: SEEDS=20000, or SEED=n
	@SIM_SEED=$(SEED) SIM_SEEDS=$(or $(SEEDS),20000) \
		CK_RUN_CASE=seeds CK_TIMEOUT_MULTIPLIER=100 \
		tests/run --alone $<

-include $(CS_OBJS:.o=.d) $(CS_MODEL:.o=.d)
