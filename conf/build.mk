# Packages: Debian's, npm's, the context of an image; and what is tried with them.

DEB_PACKAGES += build-essential debhelper lintian iproute2 util-linux

# What draws the lines of the dashboard.  Without npm, or without a network, it
# tells them in tables alone.
NPM_STAMPS += conf/dashboard/node_modules/.stamp

conf/dashboard/node_modules/.stamp: conf/dashboard/package-lock.json
	$(call say,NPM,conf/dashboard)
	$(Q)cd conf/dashboard && npm ci --no-audit --no-fund --silent
	@touch $@

.PHONY: uplot
uplot:
	@[ -e conf/dashboard/node_modules/uplot ] \
		|| $(MAKE) conf/dashboard/node_modules/.stamp \
		|| echo 'no uPlot: the dashboard has tables in place of lines'

INSTALL_TARGETS += install-dashboard

.PHONY: install-dashboard
install-dashboard: uplot
	conf/lay-dashboard '$(DESTDIR)$(DASHBOARD)'

# The tree with conf/debian at its top, as Debian's tools want it.
DEB_TREE    := build/deb/mod-push-$(VERSION)
DEB_SOURCES := .ci CHANGES.md LICENSE Makefile README.md VERSION conf docs \
               mod_push sdk-c sdk-js tests
# What `make deb` needs beside what the module is built with.
DEB_TOOLS   := build-essential debhelper libcurl4-openssl-dev libpq-dev npm

.PHONY: deb
deb: ## build the Debian packages into build/deb (as root it installs what that needs)
	@.ci/deps $(sort $(RUN_PACKAGES) $(DEB_TOOLS))
	@$(MAKE) conf/dashboard/node_modules/.stamp
	@conf/deb $(DEB_TREE) '$(CC)' $(DEB_SOURCES)

.PHONY: npm-pack
npm-pack: sdk-js/node_modules/.stamp ## the JavaScript SDK as npm takes it, into build/npm
	@mkdir -p build/npm
	@cd sdk-js && npm pack --silent --pack-destination ../build/npm

.PHONY: image-context
image-context: deb ## what a container engine builds an image from, into build/image
	@rm -rf build/image && mkdir -p build/image/packages
	@cp conf/docker/* build/image
	@cp build/deb/libapache2-mod-push_$(VERSION)_*.deb \
		build/deb/libapache2-mod-push-postgres_$(VERSION)_*.deb \
		build/deb/push-tools_$(VERSION)_*.deb build/image/packages

# In an overlay of this machine's root.  `make test` does without the image, so
# that it takes less than two minutes; check-packages-bare has a Debian with
# nothing but apt, as a user may have.
PACKAGE_SUITES = 'tests/packages/files $(VERSION)' \
                 'tests/packages/check $(VERSION) $(BARE)'

.PHONY: check-packages-short
check-packages-short: deb npm-pack
	@tests/packages/next $(VERSION) '$(CC)'
	@tests/run --alone $(PACKAGE_SUITES)

.PHONY: check-packages
check-packages: image-context npm-pack ## build, install, upgrade, remove and purge the packages; run the image
	@tests/packages/next $(VERSION) '$(CC)'
	@tests/run --alone $(PACKAGE_SUITES) 'tests/packages/image build/image $(BARE)'

.PHONY: check-packages-bare
check-packages-bare: build/packages/bare ## the same in a bare Debian 12
	@$(MAKE) check-packages BARE='$(abspath $<)'

build/packages/bare:
	@.ci/deps mmdebstrap
	$(call say,ROOT,$@)
	@mkdir -p $(@D)
	$(Q)mmdebstrap --quiet --variant=apt --skip=cleanup/apt bookworm $@
