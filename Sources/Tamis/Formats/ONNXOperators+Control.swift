extension ONNXOperators {
    /// Operators that hold graphs of their own.
    static let control: [ONNXOperator] = [
        ONNXOperator(
            "If",
            read: { (node) throws(ImportError) in
                let (thenBody, thenCaptures) = try node.body("then_branch")
                let (elseBody, elseCaptures) = try node.body("else_branch")
                return try node.append(
                    If(then: thenBody.model, else: elseBody.model), [node.input(0)] + thenCaptures + elseCaptures)
            },
            write: { (operation: If, node) throws(ExportError) in
                let first = operation.thenModel.inputs.count
                node.set("then_branch", operation.thenModel, captures: 1..<1 + first)
                node.set("else_branch", operation.elseModel, captures: 1 + first..<node.inputs.count)
            }),
        ONNXOperator(
            "Loop",
            read: { (node) throws(ImportError) in
                let carriedCount = max(0, node.inputCount - 2)
                let carried = try (0..<carriedCount).map { (index) throws(ImportError) in try node.input(2 + index) }
                let (body, captures) = try node.body(
                    "body", types: [.tensor(.int64, []), .tensor(.bool, [])] + carried.map(\.type))
                guard body.inputCount == 2 + carriedCount else {
                    throw node.invalid(
                        "its body must take \(2 + carriedCount) inputs", received: "\(body.inputCount)")
                }
                return try node.append(
                    Loop(body: body.model, carriedCount: carriedCount),
                    [node.optionalInput(0), node.optionalInput(1)] + carried + captures)
            },
            write: { (loop: Loop, node) throws(ExportError) in
                node.set("body", loop.body, captures: 2 + loop.carriedCount..<node.inputs.count)
            }),
        ONNXOperator(
            "Scan", versions: 9...versions.upperBound,
            read: { (node) throws(ImportError) in
                guard let count = try node.optionalInt("num_scan_inputs"), (1...max(1, node.inputCount)).contains(count)
                else {
                    throw node.invalid("num_scan_inputs must be 1 to its number of inputs", received: "another number")
                }
                let carriedCount = node.inputCount - count
                func directions(_ side: String, _ count: Int) throws(ImportError) -> [Scan.Direction] {
                    let axes = try node.ints("scan_\(side)_axes") ?? Array(repeating: 0, count: count)
                    let reversed = try node.ints("scan_\(side)_directions") ?? Array(repeating: 0, count: count)
                    guard axes.count == count, reversed.count == count else {
                        throw node.invalid(
                            "it must have an axis and a direction for each scan \(side)",
                            received: "\(axes), \(reversed)")
                    }
                    return zip(axes, reversed).map { Scan.Direction(axis: $0, isReversed: $1 != 0) }
                }
                let inputDirections = try directions("input", count)
                let given = try (0..<node.inputCount).map { (index) throws(ImportError) in try node.input(index) }
                let types = given.enumerated().map { index, symbol -> ValueType? in
                    guard index >= carriedCount, case .tensor(let elementType, let dimensions) = symbol.type else {
                        return symbol.type
                    }
                    return .tensor(elementType, dimensions.map { Array($0.dropFirst()) })
                }
                let (body, captures) = try node.body("body", types: types)
                guard body.inputCount == node.inputCount, body.model.outputs.count >= carriedCount else {
                    throw node.invalid("its body must take \(node.inputCount) inputs", received: "\(body.inputCount)")
                }
                let scan = Scan(
                    body: body.model, carriedCount: carriedCount, inputDirections: inputDirections,
                    outputDirections: try directions("output", body.model.outputs.count - carriedCount))
                return try node.append(scan, given + captures)
            },
            write: { (scan: Scan, node) throws(ExportError) in
                node.set("num_scan_inputs", scan.inputDirections.count)
                for (side, directions) in [("input", scan.inputDirections), ("output", scan.outputDirections)]
                where directions.contains(where: { $0 != Scan.Direction() }) {
                    node.set("scan_\(side)_axes", directions.map(\.axis))
                    node.set("scan_\(side)_directions", directions.map { $0.isReversed ? 1 : 0 })
                }
                node.set(
                    "body", scan.body, captures: scan.carriedCount + scan.inputDirections.count..<node.inputs.count)
            }),
    ]
}
