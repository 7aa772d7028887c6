# The simulation: the core and the pure parts of the C SDK under a seeded
# scheduler of faults.  See sim.h.

SIM_OBJS  := $(call objects,tests/simulation/*.c)
SIM_CORE  := $(filter-out %/core_model.o %/core_sse.o,$(CORE_HELPERS))
SIM_PUSHC := $(patsubst %,$(B)/obj/sdk-c/src/%.o,parser session records \
               message base64 list mem)

UNIT_TESTS += $(B)/tests/simulation/test_simulation

$(B)/obj/tests/simulation/%.o: tests/simulation/%.c
	$(call compile,-D_GNU_SOURCE -Itests -Isdk-c/include -Isdk-c/src)

$(B)/tests/simulation/test_simulation: $(SIM_OBJS) $(SIM_CORE) \
		$(CHECKER_OBJS) $(SIM_PUSHC) $(B)/libpush_core.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(CHECK_LIBS) -ljansson -pthread

.PHONY: simulation
simulation: $(B)/tests/simulation/test_simulation ## run SEEDS=100000 seeds of faults, or SEED=n alone
	@SIM_SEED=$(SEED) SIM_SEEDS=$(or $(SEEDS),100000) \
		CK_RUN_CASE=seeds CK_TIMEOUT_MULTIPLIER=100 \
		tests/run --alone $<

-include $(SIM_OBJS:.o=.d)
