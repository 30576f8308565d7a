import Tamis

/// What an operator makes of transposed inputs, and what its permuted form makes of the inputs before the Transpose: the
/// place where the two differ, or nil. Nil too where the operator has no such form and `isOptional`.
package func permutedMismatch(
    _ operation: any Operator, _ inputs: [Tensor?], order: [Int], isOptional: Bool = false
) throws -> String? {
    let order = try Permutation(order)
    let operands = Operands(
        inputs.map { $0.map { Operand(type: .tensor($0.elementType, $0.shape)) } }, operatorName: operation.kind)
    guard let permuted = operation.permuted(by: order, inputs: operands) else {
        return isOptional ? nil : "no permuted form"
    }
    guard permuted.inputs.count == inputs.count else { return "\(permuted.inputs.count) orders of inputs" }
    // Each input is what its order makes of the permuted form's input.
    let sources = try zip(inputs, permuted.inputs).map { input, order in
        try order.flatMap { try input?.permuted(by: $0.inverse) } ?? input
    }
    let expected = try run(operation, inputs)
    let results = try run(permuted.operation, sources)
    guard expected.count == results.count, permuted.outputs.count == results.count else {
        return "\(results.count) results, \(permuted.outputs.count) orders of outputs"
    }
    for (index, result) in results.enumerated() {
        let moved = try result.permuted(by: permuted.outputs[index])
        guard moved.shape == expected[index].shape else {
            return "output \(index): shape \(moved.shape), not \(expected[index].shape)"
        }
        let (values, wanted) = (try moved.doubles(), try expected[index].doubles())
        if let place = values.indices.first(where: { !(abs(values[$0] - wanted[$0]) <= 1e-5 * (1 + abs(wanted[$0]))) })
        {
            return "output \(index)[\(place)] is \(values[place]), not \(wanted[place])"
        }
    }
    return nil
}
