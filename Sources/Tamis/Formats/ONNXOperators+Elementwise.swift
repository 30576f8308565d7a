extension ONNXOperators {
    /// One result an element: arithmetic, functions, comparisons, casts; what leaves its input as it is.
    static let elementwise: [ONNXOperator] = [
        arithmetic(.add), arithmetic(.subtract), arithmetic(.multiply), arithmetic(.divide),
        oldArithmetic("Add"), oldArithmetic("Sub"), oldArithmetic("Mul"), oldArithmetic("Div"),
        activation(.relu), activation(.sigmoid), activation(.tanh),
        ONNXOperator(
            "Identity", reading: .firstInput { (_) throws(ImportError) in },
            write: { (operation, node) throws(ExportError) in
                (operation as? Activate)?.activation == .linear ? node : nil
            }),
        ONNXOperator(
            "Dropout",
            reading: .firstInput { (node) throws(ImportError) in
                _ = try (node.float("ratio", default: 0.5), node.int("seed", default: 0))
                // An input since version 12.
                node.ignoreInput(1)
                let isTest = node.version >= 7 ? true : try node.int("is_test", default: 0) != 0
                let mode = node.inputCount > 2 ? node.constant(2) : nil
                let isOff =
                    node.inputCount < 3 || (mode.flatMap { try? $0.scalars(as: Bool.self) } ?? [true]) == [false]
                guard isTest, isOff, node.outputCount <= 1 else {
                    throw node.unsupported("its training form; the model must be exported for inference")
                }
            }),
    ]

    /// Add, Sub, Mul or Div with numpy's broadcasting.
    private static func arithmetic(_ function: Arithmetic.Function) -> ONNXOperator {
        ONNXOperator(
            function.rawValue, versions: 7...versions.upperBound,
            read: { (node) throws(ImportError) in
                // What is added to a product of matrices is a bias, learned like the matrix.
                func operand(_ index: Int, beside other: Int) throws(ImportError) -> Symbol {
                    guard node.constant(index) != nil, node.constant(other) == nil,
                        node.producer(of: try node.input(other)) is MatMul
                    else { return try node.input(index) }
                    return try node.weight(index)
                }
                return [try node.call(Arithmetic(function), operand(0, beside: 1), operand(1, beside: 0))]
            },
            write: { (_: Arithmetic, _) throws(ExportError) in })
    }

    /// The same before version 7: without the attribute `broadcast`, operands of one shape.
    private static func oldArithmetic(_ name: String) -> ONNXOperator {
        ONNXOperator(
            name, versions: versions.lowerBound...6,
            read: { (node) throws(ImportError) in
                guard let function = Arithmetic.Function(rawValue: name), try node.int("broadcast", default: 0) == 0
                else {
                    throw node.unsupported("the broadcasting of before version 7 of the operator set")
                }
                return [try node.call(Arithmetic(function), node.input(0), node.input(1))]
            })
    }

    private static func activation(_ activation: Activation) -> ONNXOperator {
        ONNXOperator(
            activation.onnxName,
            read: { (node) throws(ImportError) in [try node.call(Activate(activation), node.input(0))] },
            write: { (_: Activate, _) throws(ExportError) in })
    }
}
