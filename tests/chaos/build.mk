# The chaos suite: faults against a real httpd. Every test_NAME.c is a program
# of its own, linked with the actors beside it and with tests/harness.

DEB_PACKAGES += iproute2 nftables

CHAOS_TEST_OBJS := $(call objects,tests/chaos/test_*.c)
CHAOS_ACTORS    := $(filter-out $(CHAOS_TEST_OBJS),$(call objects,tests/chaos/*.c))
CHAOS_TESTS     := $(CHAOS_TEST_OBJS:$(B)/obj/%.o=$(B)/%)

# A whole cluster: each fault once, in two minutes at most where the machine is
# free, and too much for it under a sanitizer.  make check-cluster is the long
# version.
CLUSTER_TESTS := $(B)/tests/chaos/test_chaos_cluster

INTEGRATION_TESTS += $(filter-out $(if $(MODE),$(CLUSTER_TESTS)),$(CHAOS_TESTS))
PLAIN_TESTS += $(CHAOS_TESTS)

$(CHAOS_ACTORS) $(CHAOS_TEST_OBJS): $(B)/obj/%.o: %.c
	$(call compile,-D_GNU_SOURCE -Itests -Itests/harness -Isdk-c/include \
		-Isdk-c/src)

$(CHAOS_TESTS): $(B)/%: $(B)/obj/%.o $(CHAOS_ACTORS) $(HARNESS_OBJS) \
		$(B)/obj/tests/bench/pushbench_hist.o $(B)/libpushc.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(CHECK_LIBS) $(PUSHC_LIBS) \
		-lhiredis -lssl -lcrypto -lm

$(CHAOS_TESTS): | $(B)/push-checker $(B)/tests/chaos/wallclock.so
$(CLUSTER_TESTS): | $(B)/tests/chaos/riders

# Clients of the C SDK in a process of their own.
$(B)/tests/chaos/riders: tests/chaos/clients/riders.c $(B)/libpushc.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CSTD) $(WARN) -D_GNU_SOURCE -Isdk-c/include $(PUSHC_CFLAGS) \
		$(CFLAGS) $(SAN) $(LDFLAGS) -o $@ $^ $(PUSHC_LIBS)

LONG_TESTS += $(patsubst %,$(B)/tests/chaos/test_chaos_%,cluster slow full)

# Preloaded into a server, which loads a sanitizer before it.
$(B)/tests/chaos/wallclock.so: tests/chaos/preload/wallclock.c
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CSTD) $(WARN) -D_GNU_SOURCE -fPIC -shared $(CFLAGS) -o $@ $<

-include $(CHAOS_ACTORS:.o=.d) $(CHAOS_TEST_OBJS:.o=.d)

# Half an hour of faults, one after the other.
CLUSTER_TIME = $(if $(filter environment command%,$(origin SECONDS)),$(SECONDS),1800)

.PHONY: check-cluster
check-cluster: ## faults of a whole cluster for half an hour (SEED=n SECONDS=n)
	@$(MAKE) check-chaos SECONDS=$(CLUSTER_TIME) \
		CHAOS_TESTS=$(CLUSTER_TESTS)

# The long version, one suite after the other; SECONDS is for each fault.
CHAOS_TIME = $(if $(filter environment command%,$(origin SECONDS)),$(SECONDS),60)
CHAOS_SEED = $(or $(SEED),$(shell od -An -N4 -tu4 /dev/urandom))

.PHONY: check-chaos
check-chaos: $(B)/mod_push.so $(CHAOS_TESTS) ## faults for minutes (SEED=n SECONDS=n repeats a run)
	@export CHAOS_SEED=$$(echo $(CHAOS_SEED)) CHAOS_SECONDS=$(CHAOS_TIME) \
		SUITE_TIMEOUT=7200; \
	echo "SEED=$$CHAOS_SEED SECONDS=$$CHAOS_SECONDS make check-chaos"; \
	tests/run --alone $(filter-out $(if $(filter command%,$(origin CHAOS_TESTS)),,$(CLUSTER_TESTS)),$(CHAOS_TESTS))
