# The JavaScript SDK: tests in Node and Chromium, types, sizes, package checks.

DEB_PACKAGES  += nodejs npm chromium
NPM_STAMPS    += sdk-js/node_modules/.stamp
JS_TESTS      += $(sort $(wildcard sdk-js/test/*.test.js))
BROWSER_TESTS += $(sort $(wildcard sdk-js/test/browser/*.test.js))

sdk-js/node_modules/.stamp: sdk-js/package-lock.json
	$(call say,NPM,sdk-js)
	$(Q)cd sdk-js && npm ci --no-audit --no-fund --silent
	@touch $@

# Those that need no driver, in other engines than Chromium's.  By hand: the
# browsers are large.
ENGINE_TESTS = $(foreach engine,firefox webkit,$(foreach suite,real tabs life,\
    'PUSH_BROWSER=$(engine) $(NODE_TEST) sdk-js/test/browser/$(suite).test.js'))

.PHONY: check-engines
check-engines: $(B)/mod_push.so $(NPM_STAMPS) ## the JavaScript SDK in Firefox and WebKit (minutes)
	@.ci/deps firefox-esr libwebkit2gtk-4.1-0 libgl1-mesa-dri xvfb xauth
	@tests/run --alone $(ENGINE_TESTS)

# The real ones, from npm: what the package promises of Node, with each of them.
# Not the parts that know nothing of it.  By hand: they are large.
NODE_VERSIONS ?= 18 20 22 24
NODE_PACKAGE   = $(shell node -p '`node-$${process.platform}-$${process.arch}`')
PURE_TESTS    := $(foreach part,backoff ledger parser property,\
    sdk-js/test/$(part).test.js)
NODE_SUITES    = $(foreach version,$(NODE_VERSIONS),\
    $(foreach suite,$(filter-out $(PURE_TESTS),$(JS_TESTS)),\
    'PATH=$(abspath $(B)/node/$(version)/bin):$$PATH $(NODE_TEST) $(suite)'))

$(B)/node/%/bin/node:
	$(call say,NPM,node@$*)
	$(Q)npm install --global --no-audit --no-fund --silent \
		--prefix '$(B)/node/$*' '$(NODE_PACKAGE)@$*'

.PHONY: check-node-versions
check-node-versions: $(NODE_VERSIONS:%=$(B)/node/%/bin/node)
check-node-versions: $(B)/mod_push.so $(NPM_STAMPS) ## the JavaScript SDK in Node 18, 20, 22 and 24 (minutes)
	@tests/run $(NODE_SUITES)

SDK_JS_BIN   := sdk-js/node_modules/.bin
SDK_JS_FILES := 'sdk-js/{src,test,tools,examples}/**/*.{js,jsx,html}' \
                sdk-js/*.json
SDK_JS_STYLE := $(SDK_JS_BIN)/prettier --config sdk-js/.prettierrc.json \
                --log-level warn

LINT_TARGETS   += lint-sdk-js
FORMAT_TARGETS += format-sdk-js

.PHONY: lint-sdk-js
lint-sdk-js: sdk-js/node_modules/.stamp
	$(Q)$(SDK_JS_STYLE) --check $(SDK_JS_FILES)
	$(Q)cd sdk-js && ./tools/lint

.PHONY: format-sdk-js
format-sdk-js: sdk-js/node_modules/.stamp
	$(Q)$(SDK_JS_STYLE) --write $(SDK_JS_FILES)

.PHONY: docs-sdk-js
docs-sdk-js: ## docs/sdk-js.md from what stands in the sources
	$(Q)node sdk-js/tools/docs.js > docs/sdk-js.md

# The demo page stands on the SDK, as it is.
INSTALL_TARGETS += install-sdk-js

.PHONY: install-sdk-js
install-sdk-js:
	install -d '$(DESTDIR)$(PREFIX)/share/mod_push/examples/demo/sdk'
	install -m 644 sdk-js/src/*.js \
		'$(DESTDIR)$(PREFIX)/share/mod_push/examples/demo/sdk/'
