# What one does with Tamis. Each target does its own set-up: on Debian it needs Swift and nothing else.

SWIFT ?= swift
PYTHON := .tools/python/bin/python
LIBRARIES := libopenblas-dev zlib1g-dev pkg-config
DATA := dataset-fashion-mnist
SWIFT_SOURCES := Package.swift Sources Tests $(wildcard Benchmarks/Package.swift Benchmarks/Sources)

.DEFAULT_GOAL := help
.PHONY: help run test test-peers mutate soak conformance models-check benchmark benchmark-kernels benchmark-peers lint format clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Classify real images with the model that comes along
	@Scripts/install $(LIBRARIES) $(DATA)
	@$(SWIFT) build -c release --product tamis
	@.build/release/tamis evaluate Models/fashion-mnist.onnx --data fashion-mnist --show 12

test: ## Build and test everything
	@Scripts/install $(LIBRARIES) $(DATA) python3-venv git
	@Scripts/test

test-peers: ## Compare with PyTorch and Keras
	@Scripts/install $(LIBRARIES) $(DATA) python3-venv
	@Scripts/test-peers

# What `make test` does some of, these do all of.
mutate: ## Cut each model file at every byte and turn every bit of its first 4 KiB: no crash, no hang (takes an hour)
	@Scripts/install $(LIBRARIES)
	@$(SWIFT) build -c release --build-tests
	@TAMIS_THOROUGH=1 $(SWIFT) test -c release --skip-build --filter DamagedONNXTests

soak: ## Run 10,000 input sizes through one model: memory must stay flat
	@Scripts/install $(LIBRARIES)
	@$(SWIFT) build -c release --build-tests
	@TAMIS_THOROUGH=1 $(SWIFT) test -c release --skip-build --filter RandomSizesTests

conformance: ## Run ONNX's own cases and write CONFORMANCE.md
	@Scripts/install $(LIBRARIES) python3-venv
	@Scripts/prepare-python python Tests/Python/requirements.txt
	@$(SWIFT) build -c release --product tamis
	@$(PYTHON) Tests/Python/conformance.py .build/release/tamis --report CONFORMANCE.md

models-check: ## Run real networks on real pictures and compare with onnxruntime (brings 200 MB, makes 1.4 GB)
	@Scripts/install $(LIBRARIES) python3-venv
	@Scripts/prepare-python python Tests/Python/requirements.txt
	@$(SWIFT) build -c release --product tamis
	@$(PYTHON) Tests/Python/models.py .tools/models
	@$(PYTHON) Tests/Python/check_models.py .tools/models .build/release/tamis

benchmark: ## Do benchmark-kernels, then benchmark-peers
	@$(MAKE) --no-print-directory benchmark-kernels
	@$(MAKE) --no-print-directory benchmark-peers

benchmark-kernels: ## Time kernels, operators and networks: a table and JSON
	@Scripts/install $(LIBRARIES)
	@env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(SWIFT) run -c release --package-path Benchmarks TamisBenchmarks --json benchmark.json

benchmark-peers: ## Time twelve networks beside onnxruntime, OpenVINO and ncnn: the README's tables (takes an hour)
	@Scripts/install $(LIBRARIES) python3-venv
	@Scripts/prepare-python peers Tests/Python/requirements-peers.txt
	@$(SWIFT) build -c release --product tamis
	@.tools/peers/bin/python Benchmarks/networks.py .build/release/tamis .tools/networks --json benchmark-peers.json --readme README.md

lint: ## Check format, the arrows between folders, and words that may not be used
	@Scripts/install python3
	@Scripts/lint
	@$(SWIFT) format lint --recursive --parallel --strict $(SWIFT_SOURCES)

format: ## Format all Swift sources
	@$(SWIFT) format --in-place --recursive --parallel $(SWIFT_SOURCES)

clean: ## Remove all that was built
	rm -rf .build .build-* Benchmarks/.build .tools
