import Tamis
import Testing

/// Checks an operator that moves elements, whatever they are, in all its forms.
package struct MovingCheck {
    package var operation: any Operator
    /// Inputs of whole numbers from −128 to 127, all of one element type.
    package var inputs: [DoubleTensor?]
    /// Inputs behind those that have their own types: indices, shapes. They are constants.
    package var numbers: [Tensor?]
    package var expected: [DoubleTensor]

    package init(
        _ operation: any Operator, _ inputs: [DoubleTensor?], numbers: [Tensor?] = [], expected: [DoubleTensor]
    ) {
        self.operation = operation
        self.inputs = inputs
        self.numbers = numbers
        self.expected = expected
    }

    private var constants: Set<Int> { Set(inputs.count..<inputs.count + numbers.count) }

    private func bytes() throws -> [Tensor?] {
        try inputs.map { try $0.map { try Tensor($0.values.map { Int8($0) }, shape: $0.shape) } } + numbers
    }

    /// What does not come out as expected: of floats, of doubles on two threads, of bytes.
    package func mismatches() throws -> [String] {
        var mismatches: [String] = []
        for mode in [RunMode(), RunMode(elementType: .float64, threads: 2, optimizes: false)] {
            let given = try inputs.map { try $0?.tensor(mode.elementType) } + numbers
            let outputs = try run(operation, given, weights: constants, mode: mode)
            for (output, wanted) in zip(outputs, expected) {
                if let difference = try firstDifference(output, wanted) { mismatches.append("\(mode): \(difference)") }
            }
            if outputs.count != expected.count { mismatches.append("\(outputs.count) outputs") }
        }
        for (output, wanted) in zip(try run(operation, bytes(), weights: constants), expected) {
            if try output.doubles() != wanted.values || output.shape.dimensions != wanted.shape {
                mismatches.append("bytes: \(try output.doubles())")
            }
        }
        return mismatches
    }

    /// Where the operator on inputs in another order of axes gives something else.
    package func permutedMismatch(_ order: [Int]) throws -> String? {
        try permutedDifference(operation, bytes(), by: Permutation(order), weights: constants)
    }

    /// Where the gradients of the inputs differ from central differences.
    package func gradientMismatches(seed: UInt64) throws -> [String] {
        let given = inputs.enumerated().compactMap { index, values in
            // Small numbers, so that differences of their squares are exact enough.
            values.map {
                GradientCheck.Input("input\(index)", DoubleTensor($0.values.map { $0 / 64 }, shape: $0.shape))
            }
        }
        guard given.allSatisfy({ !$0.values.values.isEmpty }), expected.allSatisfy({ !$0.values.isEmpty }) else {
            return []
        }
        let check = try GradientCheck(given, seed: seed) { graph, symbols in
            let moved = try inputs.indices.map { index in
                // Something whose gradient is not the same everywhere.
                try symbols["input\(index)"].map { try graph.call(Arithmetic(.multiply), $0, $0) }
            }
            return try graph.append(operation, moved + numbers.map { $0.map { graph.constant($0) } })
        }
        return try check.mismatches()
    }
}

/// Any shape of these ranks and extents.
package func anyShape(
    _ rank: ClosedRange<Int> = 1...4, _ extents: ClosedRange<Int> = 1...6, using generator: inout Philox
) -> [Int] {
    (0..<Int.random(in: rank, using: &generator)).map { _ in Int.random(in: extents, using: &generator) }
}

/// A list of int64, as shapes and axes come.
package func integers(_ values: [Int]) throws -> Tensor { try Tensor(values.map { Int64($0) }) }
