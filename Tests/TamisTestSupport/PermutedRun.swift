import Tamis

/// Where an operator on inputs in another order of axes, as it says itself, gives something else than on inputs in the
/// order it has; nil where both are the same, or as near as `tolerance`, where sums run in another order. Throws where it
/// needs its order.
package func permutedDifference(
    _ operation: any Operator, _ inputs: [Tensor?], by order: Permutation, weights: Set<Int> = [], tolerance: Double = 0
) throws -> String? {
    let operands = Operands(
        inputs.map { $0.map { Operand(type: .tensor($0.elementType, $0.shape)) } }, operatorName: operation.kind)
    guard let permuted = operation.permuted(by: order, inputs: operands) else {
        throw TestFailure("\(operation.kind) cannot take the order \(order.order)")
    }
    var moved: [Tensor?] = []
    for (position, input) in inputs.enumerated() {
        guard let input, let wanted = permuted.inputs[position] else {
            moved.append(input)
            continue
        }
        moved.append(try input.permuted(by: wanted.inverse))
    }
    let expected = try run(operation, inputs, weights: weights)
    let found = try run(permuted.operation, moved, weights: weights)
    for (position, output) in expected.enumerated() {
        let back = try found[position].permuted(by: permuted.outputs[position])
        let isNear =
            tolerance == 0
            ? differingBits(back, output) == 0
            : try firstExcess(back, DoubleTensor(output), absolute: tolerance, relative: tolerance) == nil
        guard back.shape == output.shape, isNear else {
            return "output \(position) is \(back) \(try back.doubles()), not \(output) \(try output.doubles())"
        }
    }
    return nil
}
