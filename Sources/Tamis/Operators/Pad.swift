/// More positions before and after those of some axes, or fewer where a number is negative. ONNX's Pad.
///
/// Inputs: x; where `amounts` does not say, the pads (those before, then those after, a number an axis); the constant, an
/// element (zero by default); the axes that the pads are for (all by default).
public struct Pad: SelectingOperator, Hashable {
    /// What the new positions hold.
    public enum Mode: String, Sendable, CaseIterable {
        /// A constant.
        case constant
        /// The nearest element.
        case edge
        /// The elements mirrored at the first and the last, which are not repeated.
        case reflect
        /// The elements again from the other end.
        case wrap
    }

    /// How many positions come before and after those of an axis; negative: are left out.
    public struct Amount: Sendable, Hashable {
        public var axis: Int
        public var before: Int
        public var after: Int

        public init(axis: Int, before: Int, after: Int) {
            self.axis = axis
            self.before = before
            self.after = after
        }
    }

    /// What the new positions hold.
    public let mode: Mode
    /// The amounts, an axis each; nil where the inputs say them.
    public let amounts: [Amount]?

    public init(_ mode: Mode = .constant, _ amounts: [Amount]? = nil) {
        self.mode = mode
        self.amounts = amounts
    }

    public var kind: String { "Pad" }
    public var valueOperands: [Int] { [1, 3] }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: amounts == nil ? 2...4 : 1...4)
        let (elementType, dimensions) = try inputs.tensor(0, "x")
        if inputs.optional(2) != nil {
            try inputs.expect(elementType, of: 2, "constant")
            if let value = try inputs.tensor(2, "constant", rank: 0...1).dimensions?.first {
                try inputs.expect(value, equals: 1, "number of constants")
            }
        }
        guard var dimensions else { return [.tensor(elementType, nil)] }
        guard let known = try knownAmounts(inputs, rank: dimensions.count) else {
            if let axes = try inputs.integers(3, "axes") {
                for axis in try inputs.axes(axes, rank: dimensions.count) { dimensions[axis] = .unknown }
                return [.tensor(elementType, dimensions)]
            }
            return [.tensor(elementType, Array(repeating: .unknown, count: dimensions.count))]
        }
        for amount in known where amount.before != 0 || amount.after != 0 {
            dimensions[amount.axis] =
                try dimensions[amount.axis].value.map { (extent) throws(ShapeError) in
                    .fixed(try padded(extent, amount))
                } ?? .unknown
        }
        return [.tensor(elementType, dimensions)]
    }

    /// The extent of an axis with its pads.
    private func padded(_ extent: Int, _ amount: Amount) throws(ShapeError) -> Int {
        let count = extent + amount.before + amount.after
        guard count >= 0 else {
            throw .mismatch(
                rule: "Pad cannot leave out more than there is, \(extent) on axis \(amount.axis)",
                received: "\(amount.before) and \(amount.after)")
        }
        let kept = extent + min(0, amount.before) + min(0, amount.after)
        guard mode == .constant || count == 0 || kept > 0 else {
            throw .mismatch(
                rule: "Pad's mode \(mode.rawValue) needs an element on axis \(amount.axis) to pad with",
                received: "\(kept)")
        }
        return count
    }

    /// The amounts with axes from 0, if they are there already.
    private func knownAmounts(_ inputs: Operands, rank: Int) throws(ShapeError) -> [Amount]? {
        let (pads, given) = (try inputs.integers(1, "pads"), try inputs.integers(3, "axes"))
        var known = amounts
        if known == nil {
            guard let pads, given != nil || inputs.optional(3) == nil else { return nil }
            let axes = given ?? Array(0..<rank)
            guard pads.count == 2 * axes.count else {
                throw .mismatch(rule: "Pad's pads must be two for each axis, \(2 * axes.count)", received: "\(pads)")
            }
            known = axes.enumerated().map { Amount(axis: $1, before: pads[$0], after: pads[axes.count + $0]) }
        }
        guard var known else { return nil }
        let axes = try inputs.axes(known.map(\.axis), rank: rank)
        for (index, axis) in axes.enumerated() {
            let amount = known[index]
            guard [amount.before, amount.after].allSatisfy({ abs($0.clamped) < Shape.largest }) else {
                throw .mismatch(rule: "Pad's pads must be below 2^48", received: "\(amount.before), \(amount.after)")
            }
            known[index].axis = axis
        }
        return known
    }

    func selection(of x: Shape, _ inputs: Operands) throws(ShapeError) -> Selection {
        guard let known = try knownAmounts(inputs, rank: x.rank) else {
            throw .mismatch(rule: "Pad's pads must be known when a plan is made", received: "inputs")
        }
        var axes = x.dimensions.map { Selection.Axis($0, [.positions(0, count: $0)]) }
        for amount in known { axes[amount.axis] = try selected(x[amount.axis], amount) }
        return Selection(axes)
    }

    private func selected(_ extent: Int, _ amount: Amount) throws(ShapeError) -> Selection.Axis {
        let count = try padded(extent, amount)
        let first = max(0, -amount.before)
        let kept = max(0, extent - first - max(0, -amount.after))
        let before = min(max(0, amount.before), count)
        let after = count - before - kept
        let own = Selection.Run.positions(first, count: kept)
        switch mode {
        case _ where before == 0 && after == 0: return Selection.Axis(extent, [own])
        case .constant: return Selection.Axis(extent, [.constant(count: before), own, .constant(count: after)])
        case .edge:
            return Selection.Axis(
                extent,
                [
                    .positions(first, step: 0, count: before), own,
                    .positions(first + kept - 1, step: 0, count: after),
                ])
        case .reflect, .wrap:
            if kept == 1 { return Selection.Axis(extent, [.positions(first, step: 0, count: count)]) }
            // From each turn to the next is a run: a reflection turns at both ends, a torus at one.
            let period = mode == .wrap ? kept : kept - 1
            guard count / period <= 1 << 16 else {
                throw .mismatch(
                    rule: "Pad may go round an axis at most 65536 times", received: "\(before) and \(after) on \(kept)")
            }
            var runs: [Selection.Run] = []
            var place = -before
            while place < kept + after {
                let turn = place >= 0 ? place / period : -((period - 1 - place) / period)
                let inside = place - turn * period
                let length = min(period - inside, kept + after - place)
                if mode == .wrap || turn % 2 == 0 {
                    runs.append(.positions(first + inside, count: length))
                } else {
                    runs.append(.positions(first + period - inside, step: -1, count: length))
                }
                place += length
            }
            return Selection.Axis(extent, runs)
        }
    }

    public func absorbing(_ inputs: Operands) throws(ShapeError) -> (any Operator)? {
        guard amounts == nil, let rank = inputs.optional(0)?.type.dimensions?.count,
            let known = try knownAmounts(inputs, rank: rank)
        else { return nil }
        return Pad(mode, known)
    }

    public func keepsApart(_ images: [Bool], of inputs: Operands) -> Bool {
        amounts.map { inputs.keepApart(images, workingAlong: $0.map(\.axis)) } ?? false
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let (x, size) = (try context.input(0), try context.elementBytes(0))
        let selection = try context.shaped { () throws(ShapeError) in
            try self.selection(of: x.shape, context.operands)
        }
        var prepared = selection.prepared("pad", elementBytes: size, constant: mode == .constant ? 2 : nil)
        prepared.unreadInputs = [1, 3]
        return prepared
    }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        guard let amounts, inputs.optional(1) == nil, inputs.optional(3) == nil else { return nil }
        var moved: [Amount] = []
        for var amount in amounts {
            guard let axis = order.source(of: amount.axis) else { return nil }
            amount.axis = axis
            moved.append(amount)
        }
        let others = [Permutation?](repeating: nil, count: inputs.count - 1)
        return PermutedOperator(operation: Pad(mode, moved), inputs: [order] + others, outputs: [order])
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard let dy = outputs[0], let x = node.inputs[0] else { return [nil] }
        var gradients = [Symbol?](repeating: nil, count: node.inputs.count)
        if wanted[0] { gradients[0] = try selectedGradient(at: node, of: dy, in: graph) }
        if wanted.count > 2, wanted[2], let constant = node.inputs[2] {
            // What is padded counts, what comes from x does not.
            let one = try graph.scalar(1, dy.type.elementType ?? .float32)
            var inputs = node.inputs
            (inputs[0], inputs[2]) = (try graph.call(ZerosLike(), x), one)
            let isPadding = try graph.append(Pad(mode, amounts), inputs)[0]
            let counted = try graph.call(Arithmetic(.multiply), dy, isPadding)
            gradients[2] = try Unbroadcast.append(counted, like: constant, in: graph)
        }
        return gradients
    }
}

extension Int {
    /// The number, or one of its sign whose magnitude is an Int too.
    fileprivate var clamped: Int { Swift.max(self, -Int.max) }
}
