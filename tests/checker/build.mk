# push-checker: judges the logs of chaos and simulation tests.

CHECKER_OBJS := $(call objects,tests/checker/checker.c tests/checker/rules.c)

ALL_TARGETS += $(B)/push-checker
UNIT_TESTS  += $(B)/tests/checker/test_checker

$(B)/obj/tests/checker/%.o: tests/checker/%.c
	$(call compile,-D_GNU_SOURCE)

$(B)/push-checker: $(B)/obj/tests/checker/main.o $(CHECKER_OBJS)
	$(call say,LD,$@)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ -ljansson

$(B)/tests/checker/test_checker: $(B)/obj/tests/checker/test_checker.o \
		$(CHECKER_OBJS)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(CHECK_LIBS) -ljansson

-include $(patsubst %.c,$(B)/obj/%.d,$(wildcard tests/checker/*.c))
