// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "tamis-benchmarks",
    dependencies: [
        .package(name: "tamis", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    ],
    targets: [
        .executableTarget(
            name: "TamisBenchmarks",
            dependencies: [
                .product(name: "Tamis", package: "tamis"), .product(name: "TamisKernels", package: "tamis"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ])
    ]
)
