/// Makes zeros padded around images the padding of the convolution or pooling that alone reads them.
///
/// A maximum takes no part of its padding, so it may lie where −∞ was padded, zeros around what is never negative, or once
/// more what stands at the edge and under the same windows.
public struct MergePadding: Pass {
    public init() {}

    public var name: String { "merge padding" }

    public func callAsFunction(_ model: Model) throws(PlanError) -> Model {
        var rewriter = Rewriter(model)
        let merged = try rewriter.rewrite { (rewriter, node) throws(ShapeError) in
            guard let x = node.inputs.first ?? nil, rewriter.onlyConsumer(of: x) != nil,
                let before = rewriter.producer(of: x), let pad = before.operation as? Pad,
                let image = before.inputs[0], let value = Self.value(of: before, rewriter),
                let operation = Self.padded(
                    node.operation, by: pad.amounts ?? [], pad.mode == .constant ? value : nil, pad.mode,
                    isNegative: { Self.canBeNegative(image, rewriter) })
            else { return false }
            let inputs = [rewriter.copy(image)] + node.inputs.dropFirst().map { $0.map { rewriter.copy($0) } }
            let operands = Operands(inputs.map { $0.map { Operand(type: $0.type) } }, operatorName: operation.kind)
            // Padding that reaches beyond a window stays.
            guard (try? operation.outputTypes(for: operands)) != nil else { return false }
            for (id, symbol) in zip(node.outputs, try rewriter.graph.append(operation, inputs, name: node.name)) {
                rewriter.replace(id, by: symbol)
            }
            return true
        }
        return try DropUnread()(merged)
    }

    /// What a Pad pads with, if that is constant.
    private static func value(of pad: Graph.Node, _ rewriter: Rewriter) -> Double? {
        guard pad.inputs.count > 2, let id = pad.inputs[2] else { return 0 }
        return (try? rewriter.constant(id)?.doubles())?.first
    }

    /// Whether values below zero may be among those of a tensor.
    private static func canBeNegative(_ id: Graph.ValueID, _ rewriter: Rewriter) -> Bool {
        guard let activate = rewriter.producer(of: id)?.operation as? Activate else { return true }
        return activate.activation != .relu && activate.activation != .sigmoid
    }

    /// An operation of a window with more padding, if it means the same.
    private static func padded(
        _ operation: any Operator, by amounts: [Pad.Amount], _ value: Double?, _ mode: Pad.Mode, isNegative: () -> Bool
    ) -> (any Operator)? {
        switch operation {
        case let conv as Conv where value == 0:
            return conv.window.padded(by: amounts).map {
                Conv(window: $0, groups: conv.groups, activation: conv.activation)
            }
        case let pool as AveragePool where value == 0 && (pool.countsPadding || !pool.window.isPadded):
            return pool.window.padded(by: amounts).map { AveragePool(window: $0, countsPadding: true) }
        case let pool as MaxPool where pool.indices == nil:
            let isEdge = mode == .edge && pool.window.dilation.allSatisfy { $0 == 1 }
            guard isEdge || value == -.infinity || (value == 0 && !isNegative()) else { return nil }
            return pool.window.padded(by: amounts).map { MaxPool(window: $0) }
        default: return nil
        }
    }
}

extension WindowGeometry {
    /// The window on images without the padding that these amounts are, if they are that: of spatial axes.
    fileprivate func padded(by amounts: [Pad.Amount]) -> WindowGeometry? {
        var (before, after): ([Int], [Int])
        switch padding {
        case .valid: (before, after) = (kernel.map { _ in 0 }, kernel.map { _ in 0 })
        case .explicit(let own, let other): (before, after) = (own, other)
        case .same, .sameLower: return nil
        }
        // A window that begins in padding counts only where padding is part of the image.
        guard !roundsUp else { return nil }
        for amount in amounts where amount.before != 0 || amount.after != 0 {
            let axis = (amount.axis < 0 ? amount.axis + rank + 2 : amount.axis) - 1
            guard before.indices.contains(axis), amount.before >= 0, amount.after >= 0 else { return nil }
            before[axis] = before[axis].addingReportingOverflow(amount.before).partialValue
            after[axis] = after[axis].addingReportingOverflow(amount.after).partialValue
        }
        return try? WindowGeometry(
            kernel: kernel, stride: stride, padding: .explicit(before: before, after: after), dilation: dilation)
    }
}
