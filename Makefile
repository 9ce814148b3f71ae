# Each target does its own set-up, and only where it is due: see scripts/prepare.sh.
.PHONY: up down test check bench soak sim kube-assets clean

up:
	@./polarstack up

down:
	@./polarstack down

# Checks, then all tests; the last line says `N passed, N failed`.
test:
	@scripts/test.sh

check:
	@scripts/prepare.sh deps
	@node_modules/.bin/tsx scripts/check.ts

bench:
	@scripts/prepare.sh build
	@node_modules/.bin/tsx bench/run.ts

# Random walks on real clusters, WALKS of them (default 200); one that fails says how it is taken again.
soak:
	@scripts/prepare.sh build
	@WALKS=$${WALKS:-200} node_modules/.bin/vitest run tests/walks --maxWorkers=1

# Simulated clusters with faults: SEEDS=n of them (default 2000), or SEED=n again; BUG=name plants a mistake.
sim:
	@scripts/prepare.sh deps
	@node_modules/.bin/tsx scripts/sim.ts

# A real kube-apiserver with controller manager and etcd, found or built: tests/kube compares our API with it.
kube-assets:
	@scripts/prepare.sh deps
	@node_modules/.bin/tsx scripts/kube-assets.ts

# Removes what was built and installed; the data folder stays (polarstack down --delete removes that).
clean:
	@rm -rf dist node_modules coverage .prepare.lock
