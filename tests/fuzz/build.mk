# Fuzzers: `make fuzz FUZZ_SECONDS=60` has libFuzzer look for new inputs (by
# clang); `make check` replays those of tests/fuzz/corpus (by any compiler).

FUZZ_SECONDS  ?= 60
FUZZ_PACKAGES := clang libclang-rt-14-dev

# $(call fuzz_target,NAME,SOURCES,FLAGS,LIBRARIES): the parser that
# tests/fuzz/fuzz_NAME.c drives is compiled from SOURCES.
define fuzz_target
FUZZERS    += $(B)/fuzz/fuzz_$(1)
UNIT_TESTS += $(B)/fuzz/replay_$(1)

$(B)/fuzz/fuzz_$(1): tests/fuzz/fuzz_$(1).c $(2) $$(FUZZ_HEADERS)
	$$(call say,CLANG,$$@)
	@mkdir -p $$(@D)
	$$(Q)clang $$(FUZZ_FLAGS) $(3) -g -O1 \
		-fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=undefined \
		-o $$@ $$(filter %.c,$$^) $(4)

$(B)/fuzz/replay_$(1): tests/fuzz/replay.c tests/fuzz/fuzz_$(1).c $(2) \
		$$(FUZZ_HEADERS)
	$$(call say,CC,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(WARN) $$(FUZZ_FLAGS) $(3) $$(CFLAGS) $$(SAN) \
		-o $$@ $$(filter %.c,$$^) $(4)
endef

FUZZ_FLAGS   := $(CSTD) -D_GNU_SOURCE -Imod_push -Isdk-c/include -Isdk-c/src
FUZZ_HEADERS := $(wildcard tests/fuzz/*.h mod_push/*/*.h mod_push/*/*/*.h sdk-c/src/*.h)
FUZZ_CORE    := $(wildcard mod_push/core/*.c mod_push/codec/*.c \
                  mod_push/websocket/*.c mod_push/protobuf/*.c)
FUZZ_SDK     := $(addprefix sdk-c/src/,parser.c session.c records.c \
                  message.c base64.c list.c mem.c)
FUZZ_HTTP    := $(addprefix mod_push/http/publish/,line.c members.c scan.c fields.c where.c) \
                $(addprefix mod_push/http/,json.c params.c problem.c) \
                mod_push/store/shm/clock.c \
                tests/fuzz/httpd_stand_in.c $(FUZZ_CORE)

$(eval $(call fuzz_target,sse,$(FUZZ_SDK)))
$(eval $(call fuzz_target,ids,$(FUZZ_SDK) $(FUZZ_CORE),,-lm))
$(eval $(call fuzz_target,websocket,$(FUZZ_CORE),,-lm))
$(eval $(call fuzz_target,protobuf,$(FUZZ_CORE),,-lm))
$(eval $(call fuzz_target,moment,mod_push/core/moment.c))
$(eval $(call fuzz_target,predicate,$(FUZZ_CORE),,-lm))
$(eval $(call fuzz_target,codec,$(FUZZ_SDK) $(FUZZ_CORE),,-lm))
$(eval $(call fuzz_target,batch,$(FUZZ_CORE),,-ljansson -lm))
$(eval $(call fuzz_target,json,$(FUZZ_SDK) sdk-c/src/json.c,,-ljansson))
$(eval $(call fuzz_target,line,$(FUZZ_HTTP),$$(HTTPD_CFLAGS) $$(PKG_CFLAGS),\
  $$(APR_LIBS) $$(PKG_LIBS) -pthread))
$(eval $(call fuzz_target,events,$(FUZZ_HTTP) mod_push/http/events/read.c \
  $(addprefix mod_push/triggers/,event.c errand.c),\
  $$(HTTPD_CFLAGS) $$(PKG_CFLAGS),$$(APR_LIBS) $$(PKG_LIBS) -pthread))
$(eval $(call fuzz_target,hold,$(FUZZ_HTTP) \
  $(addprefix mod_push/http/,verbatim.c hold/asked.c hold/grip.c hold/instruct.c \
  capture/taken.c capture/sequence.c identity/base64url.c),\
  $$(HTTPD_CFLAGS) $$(PKG_CFLAGS),$$(APR_LIBS) $$(PKG_LIBS) -pthread))
$(eval $(call fuzz_target,query,$(FUZZ_HTTP),$$(HTTPD_CFLAGS) $$(PKG_CFLAGS),\
  $$(APR_LIBS) $$(PKG_LIBS) -pthread))
$(eval $(call fuzz_target,restore,$(FUZZ_CORE) $$(wildcard \
  mod_push/store/*/*.c),$$(APR_CFLAGS) $$(PKG_CFLAGS),$$(PKG_LIBS) -pthread))

FUZZ_IDENTITY := $(wildcard mod_push/http/identity/*.[ch]) \
                 tests/harness/jws.c tests/harness/jws.h

# hiredis makes the tree, as redis/reply.c says.
FUZZ_LIBRARY := $(wildcard mod_push/broker/library/*.c) mod_push/core/hash.c mod_push/redis/reply.c \
                mod_push/redis/command.c mod_push/redis/buffer.c \
                mod_push/redis/tags.c $(B)/gen/library_text.c

$(eval $(call fuzz_target,entries,$(FUZZ_LIBRARY),$$(PKG_CFLAGS),-lhiredis))

$(eval $(call fuzz_target,jwt,$(FUZZ_IDENTITY),-Itests,$$(PKG_LIBS)))

FUZZ_REDIS := $(addprefix mod_push/redis/,address.c decoder.c failure.c \
                reply.c slots.c tags.c url.c)

$(eval $(call fuzz_target,redis,$(FUZZ_REDIS),,-lhiredis -pthread))

# Only the fuzzers need clang.
.PHONY: fuzz-deps
fuzz-deps:
	@.ci/deps $(FUZZ_PACKAGES)

# New inputs that reach new code are kept below $(B)/fuzz.
.PHONY: fuzz
fuzz: fuzz-deps $(FUZZERS) ## fuzz every parser (FUZZ_SECONDS=60 each)
	@for f in $(FUZZERS); do \
		name=$$(basename $$f | sed s/fuzz_//); \
		dict=tests/fuzz/$$name.dict; \
		mkdir -p $$f.corpus; \
		$$f -max_total_time=$(FUZZ_SECONDS) -max_len=2048 \
			$$([ ! -f $$dict ] || echo -dict=$$dict) \
			-print_final_stats=1 -verbosity=0 \
			-artifact_prefix=$$f. $$f.corpus \
			tests/fuzz/corpus/$$name || exit 1; \
	done
