# Everything runs in .venv, which is made on first use and left alone while pyproject.toml stays.
.DEFAULT_GOAL := help
.PHONY: help demo test torture mutation docs bench clean environment

IN := .venv/bin
# Small networks run fastest on one thread each, and several test processes share the cores.
ONE_THREAD := OMP_NUM_THREADS=1

help:
	@echo "make demo    the whole job on handwritten digits, in demo/"
	@echo "make test    formatting, types and tests"
	@echo "make torture every kill, crash state, payload and schedule, counted"
	@echo "make mutation tests of the tests: what changes of the code go unnoticed"
	@echo "make docs    docs/reference/, from the program"
	@echo "make bench   ratios against bare loops, for benchmarks/README.md"
	@echo "make clean   remove the environment and everything built or measured"

environment:
	@python="$$(tools/find_python.sh)" && "$$python" tools/make_environment.py .venv -e '.[dev]'

demo: environment
	@$(IN)/seatrial demo

test: environment
	$(IN)/ruff check .
	$(IN)/ruff format --check .
	$(IN)/mypy
	$(IN)/mypy tools/make_environment.py tools/generate_reference.py
	$(ONE_THREAD) $(IN)/pytest -n 2 --dist loadfile

torture: environment
	SEATRIAL_TORTURE=1 $(ONE_THREAD) $(IN)/pytest -s tests/reliability tests/audit tests/provenance

# MUTANTS='seatrial.evidence.chain*' does some; all of them take hours. mutmut wants src/.
mutation: environment
	rm -rf build/mutation && mkdir -p build/mutation
	cp -r tools build/mutation/src
	cp -r tests templates checklists configs phases benchmarks docs pyproject.toml build/mutation
	cd build/mutation && $(ONE_THREAD) $(CURDIR)/$(IN)/mutmut run $(MUTANTS)
	cd build/mutation && $(CURDIR)/$(IN)/mutmut results

docs: environment
	$(IN)/python tools/generate_reference.py

bench: environment
	@$(IN)/python -P benchmarks

clean:
	rm -rf .venv .venv.lock .venv.log demo benchmarks/work build dist
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
