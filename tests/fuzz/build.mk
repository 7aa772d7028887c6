# Fuzzers: `make fuzz FUZZ_SECONDS=60`.  Built by clang, for libFuzzer.

FUZZ_SECONDS  ?= 60
FUZZ_PACKAGES := clang libclang-rt-14-dev
FUZZERS += $(B)/fuzz/fuzz_sse

$(B)/fuzz/fuzz_sse: tests/fuzz/fuzz_sse.c $(wildcard sdk-c/src/*.h) \
		$(addprefix sdk-c/src/,parser.c session.c records.c message.c \
		mem.c)
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)clang $(CSTD) -g -O1 -D_GNU_SOURCE -Isdk-c/include -Isdk-c/src \
		-fsanitize=fuzzer,address,undefined -o $@ $(filter %.c,$^)

# Only the fuzzers need clang.
.PHONY: fuzz-deps
fuzz-deps:
	@.ci/deps $(FUZZ_PACKAGES)

# New inputs that reach new code are kept below $(B)/fuzz.
.PHONY: fuzz
fuzz: fuzz-deps $(FUZZERS) ## fuzz every parser (FUZZ_SECONDS=60 each)
	@for f in $(FUZZERS); do \
		mkdir -p $$f.corpus; \
		dict=tests/fuzz/$$(basename $$f | sed s/fuzz_//).dict; \
		$$f -max_total_time=$(FUZZ_SECONDS) -max_len=2048 -dict=$$dict \
			-print_final_stats=1 -verbosity=0 \
			-artifact_prefix=$$f. $$f.corpus || exit 1; \
	done
