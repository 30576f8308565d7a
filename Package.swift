// swift-tools-version: 6.2
import PackageDescription

/// An import is internal unless it says otherwise: what a module shows of another is a decision.
let settings: [SwiftSetting] = [.enableUpcomingFeature("InternalImportsByDefault")]

let package = Package(
    name: "tamis",
    products: [
        .library(name: "Tamis", targets: ["Tamis"]),
        .library(name: "TamisKernels", targets: ["TamisKernels"]),
        .executable(name: "tamis", targets: ["TamisCommand"]),
    ],
    dependencies: [
        // Only the command needs it: a program linking the library `Tamis` builds none of it.
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0")
    ],
    targets: [
        .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "CTamisKernels", linkerSettings: [.linkedLibrary("m")]),
        .target(name: "TamisKernels", dependencies: ["COpenBLAS", "CTamisKernels"], swiftSettings: settings),
        .target(name: "Tamis", dependencies: ["TamisKernels", "CTamisKernels", "CZlib"], swiftSettings: settings),
        .executableTarget(
            name: "TamisCommand",
            dependencies: ["Tamis", "TamisKernels", .product(name: "ArgumentParser", package: "swift-argument-parser")]),
        .target(
            name: "TamisTestSupport", dependencies: ["Tamis", "TamisKernels"], path: "Tests/TamisTestSupport"),
        .testTarget(
            name: "TamisKernelsTests", dependencies: ["TamisKernels", "CTamisKernels", "TamisTestSupport"]),
        // Stands before malloc in the test executable and counts.
        .target(name: "CAllocationCounter", path: "Tests/CAllocationCounter"),
        .testTarget(
            name: "TamisTests", dependencies: ["Tamis", "TamisKernels", "TamisTestSupport", "CAllocationCounter"],
            exclude: ["Fixtures"]),
        .testTarget(name: "TamisCommandTests", dependencies: ["TamisCommand", "TamisTestSupport"]),
    ]
)
