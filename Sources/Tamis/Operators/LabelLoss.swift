import CTamisKernels
import TamisKernels

/// What becomes of the losses of single labels.
public enum LossReduction: String, Hashable, Sendable, CaseIterable {
    /// They stay, one for each label.
    case none
    case sum
    /// Their sum over that of their weights.
    case mean
}

/// The loss −weight[label] · logarithm[label] over rows of logarithms of probabilities, and its gradient; a label that is
/// ignored has neither.
struct LabelLoss: Sendable {
    let reduction: LossReduction
    let ignoredLabel: Int?

    /// Throws unless labels and weights fit the scores; the dimensions of the loss.
    func dimensions(
        _ inputs: Operands, scores: [Dimension], _ elementType: ElementType, weights index: Int
    ) throws(ShapeError) -> [Dimension] {
        try inputs.expectLabels(of: scores)
        if inputs.optional(index) != nil {
            try inputs.expect(.tensor(elementType, [scores[scores.count - 1]]), of: index, "weights")
        }
        return reduction == .none ? Array(scores.dropLast()) : []
    }

    /// Throws where the weights are to have a gradient.
    func expectNoWeightGradient(_ wanted: [Bool], of kind: String) throws(ShapeError) {
        guard wanted.count < 3 || !wanted[2] else {
            throw .mismatch(rule: "the weights of \(kind) have no gradient", received: "trainable ones")
        }
    }

    /// The loops over labels at input 1 and perhaps weights at input `weights`.
    func loops(_ context: Preparation, weights: Int) throws(PlanError) -> Loops {
        let scores = try context.input(0)
        let classes = scores.shape[scores.shape.rank - 1]
        return Loops(
            loss: self, rows: scores.shape.elementCount / max(1, classes), classes: classes,
            labels: IndexReader(try context.input(1).elementType),
            type: try context.kernels(for: scores.elementType).type,
            weights: context.hasInput(weights) ? weights : nil)
    }

    struct Loops: Sendable {
        let loss: LabelLoss
        let rows: Int
        let classes: Int
        let labels: IndexReader
        let type: ScalarType
        let weights: Int?

        /// Calls `body` with each row, its label and its weight, 0 where the label is ignored; an error where it is out of
        /// range.
        @inline(__always)
        private func forEachRow(
            _ bindings: borrowing Bindings, _ body: (_ row: Int, _ label: Int, _ weight: Double) -> Void
        ) -> KernelStatus {
            for row in 0..<rows {
                let label = labels.read(bindings.input(1), row)
                if label == loss.ignoredLabel {
                    body(row, 0, 0)
                    continue
                }
                guard label >= 0, label < classes else {
                    return .indexOutOfRange(position: row, index: label, limit: classes)
                }
                var weight = 1.0
                if let weights { weight = ScalarType.Index(type: type, index: label).read(bindings.input(weights)) }
                body(row, label, weight)
            }
            return .done
        }

        /// Writes the loss.
        func run(_ bindings: borrowing Bindings, logs: UnsafeRawPointer, to target: UnsafeMutableRawPointer)
            -> KernelStatus
        {
            var (sum, total) = (0.0, 0.0)
            let status = forEachRow(bindings) { row, label, weight in
                var value = 0.0
                if weight != 0 {
                    value = -weight * ScalarType.Index(type: type, index: row * classes + label).read(logs)
                }
                if loss.reduction == .none { ScalarType.Index(type: type, index: row).write(value, target) }
                sum += value
                total += weight
            }
            guard status == .done, loss.reduction != .none else { return status }
            let divisor = loss.reduction == .sum || rows == 0 ? 1 : total
            ScalarType.Index(type: type, index: 0).write(sum / divisor, target)
            return .done
        }

        /// Calls `body` with each row, its label and the factor that the gradient of its logarithm has: weight · dy, over
        /// the sum of the weights where the loss is the mean.
        func runGradient(
            _ bindings: borrowing Bindings, dy: UnsafeRawPointer,
            _ body: (_ row: Int, _ label: Int, _ factor: Double) -> Void
        ) -> KernelStatus {
            var total = 0.0
            if loss.reduction == .mean {
                let status = forEachRow(bindings) { _, _, weight in total += weight }
                guard status == .done else { return status }
            }
            let share = loss.reduction == .mean && rows > 0 ? 1 / total : 1
            return forEachRow(bindings) { row, label, weight in
                let slope = ScalarType.Index(type: type, index: loss.reduction == .none ? row : 0).read(dy)
                body(row, label, weight == 0 ? 0 : slope * weight * share)
            }
        }
    }
}

extension Operands {
    /// Throws unless input 1 holds labels, one for each row of `scores`.
    func expectLabels(of scores: [Dimension]) throws(ShapeError) {
        try expectIndices(1, "labels")
        guard let labels = try tensor(1, "labels").dimensions else { return }
        guard labels.count == scores.count - 1 else {
            throw .mismatch(
                rule: "\(operatorName)'s labels must have the axes of the scores without the last",
                received: "\(labels) for \(scores)")
        }
        for (label, score) in zip(labels, scores) { _ = try common(label, score, "the number of labels") }
    }
}
